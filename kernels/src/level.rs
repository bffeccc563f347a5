//! Which bodies of the kernels this machine runs.

/// A set of kernel bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The definitions, in plain Rust.
    Scalar,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// The same, and AVX-512 (F, DQ, BW and VL) where it pays.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The kernels, at a level chosen when the value is made. Copy it around; it
/// has no state.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    // Private to this file: a level above `Scalar` proves that the CPU has it
    // and those below it, which is what the calls of the x86 bodies rest on.
    level: Level,
}

impl Kernels {
    /// The fastest bodies this CPU has.
    #[must_use]
    pub fn detect() -> Self {
        Self { level: *levels().last().unwrap_or(&Level::Scalar) }
    }

    /// The scalar definitions: the same bits as every other level, slowly.
    #[must_use]
    pub fn scalar() -> Self {
        Self { level: Level::Scalar }
    }

    /// All bodies this CPU has, from the scalar definitions to the fastest.
    #[must_use]
    pub fn all() -> Vec<Self> {
        levels().into_iter().map(|level| Self { level }).collect()
    }

    /// The level in use.
    #[must_use]
    pub fn level(self) -> Level {
        self.level
    }
}

/// Levels of this CPU, each of which has what those before it have.
fn levels() -> Vec<Level> {
    let mut levels = vec![Level::Scalar];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
        levels.push(Level::Avx2);
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
        {
            levels.push(Level::Avx512);
        }
    }
    levels
}
