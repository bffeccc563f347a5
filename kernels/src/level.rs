//! Which bodies of the kernels this machine runs.

/// A set of kernel bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The definitions, in plain Rust.
    Scalar,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// The kernels, at a level chosen when the value is made. Copy it around; it
/// has no state.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    // Private to this file: a level above `Scalar` proves that the CPU has it,
    // which is what the calls of the x86 bodies rest on.
    level: Level,
}

impl Kernels {
    /// The fastest bodies this CPU has.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
            return Self { level: Level::Avx2 };
        }
        Self::scalar()
    }

    /// The scalar definitions: the same bits as every other level, slowly.
    #[must_use]
    pub fn scalar() -> Self {
        Self { level: Level::Scalar }
    }

    /// The level in use.
    #[must_use]
    pub fn level(self) -> Level {
        self.level
    }
}
