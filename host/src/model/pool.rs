//! Room for the keys and values of every layer.

use candle_core::{Device, Tensor};

use super::LoadError;
use super::config::Config;

/// Lays out one tensor of keys and one of values a layer.
pub(super) struct Pool {
    slots: usize,
    /// Entries of one row.
    width: usize,
    layers: usize,
}

impl Pool {
    /// Checks that the whole cache can be had.
    pub(super) fn new(config: &Config, slots: usize) -> Result<Self, LoadError> {
        let pool = Self { slots, width: config.key_value_heads * config.head_dim, layers: config.layers.len() };
        let slot_bytes = pool.slot_bytes();
        let bytes = slots.checked_mul(slot_bytes);
        // Asking and giving back costs nothing, and a refusal here is an error
        // where a refusal of the zeroed memory itself would end the process.
        let fits = slots > 0
            && u32::try_from(slots).is_ok()
            && bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
        if fits { Ok(pool) } else { Err(LoadError::Cache { slots, slot_bytes }) }
    }

    /// Bytes of one slot's keys and values over all layers.
    pub(super) fn slot_bytes(&self) -> usize {
        2 * self.layers * self.width * size_of::<f32>()
    }

    /// Zeroed rows `[slots, width]`, which take memory only once written: what
    /// the allocator gives for `vec![0; n]` is mapped on first use.
    pub(super) fn allocate(&self) -> Result<Tensor, LoadError> {
        let zeros = vec![0.0f32; self.slots * self.width];
        Tensor::from_vec(zeros, (self.slots, self.width), &Device::Cpu)
            .map_err(|_| LoadError::Cache { slots: self.slots, slot_bytes: self.slot_bytes() })
    }
}
