//! Every kernel against a plain definition in `f64`, against itself at the
//! other level, and against itself in other company.

mod attention;
mod blocks;
mod pointwise;
mod product;
mod rotary;
mod rows;
mod scene;

use choreo_kernels::Kernels;

/// All levels, from the definitions on; where the machine has fewer, the best
/// of them again.
fn levels() -> [Kernels; 3] {
    let all = Kernels::all();
    std::array::from_fn(|number| all[number.min(all.len() - 1)])
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Runs `work` on a pool of so many threads.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool of threads").install(work)
}

/// Panics unless each value is within 1e-5 of the exact one, relative to
/// `scale` where that is greater.
fn assert_close(found: &[f32], exact: &[f64], scale: f64) {
    assert_eq!(found.len(), exact.len());
    for (at, (found, exact)) in found.iter().zip(exact).enumerate() {
        let error = (f64::from(*found) - exact).abs();
        assert!(error <= 1e-5 * exact.abs().max(scale), "value {at}: expected {exact}, found {found}");
    }
}

/// Numbers that look random and are the same everywhere (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Values from -1 to 1.
    fn values(&mut self, count: usize) -> Vec<f32> {
        let value = |_| (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0;
        (0..count).map(value).collect()
    }
}
