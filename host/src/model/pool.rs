//! Room for the keys and values of every layer, in the numbers chosen.

use std::fmt;
use std::str::FromStr;

use candle_core::{Device, Tensor};
use choreo_kernels::Narrow;

use super::LoadError;
use super::config::Config;

/// Numbers in which keys and values are cached. All but `f32` round them, once,
/// as they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheType {
    /// As they are computed.
    #[default]
    F32,
    /// Half the room; the range of `f32`.
    Bf16,
    /// Half the room; more exact than `bf16`, infinite from 65,520 on.
    F16,
    /// Little more than a quarter: whole numbers of a byte, and a scale for each 32.
    Q8,
}

impl CacheType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16, Self::F16, Self::Q8];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Q8 => "q8",
        }
    }

    /// What rows are rounded to.
    pub(super) fn numbers(self) -> Option<Narrow> {
        match self {
            Self::F32 => None,
            Self::Bf16 => Some(Narrow::Bf16),
            Self::F16 => Some(Narrow::F16),
            Self::Q8 => Some(Narrow::Q8),
        }
    }
}

impl fmt::Display for CacheType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for CacheType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|cache_type| cache_type.name() == text);
        found.ok_or_else(|| "use f32, bf16, f16 or q8".into())
    }
}

/// How much the cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheSize {
    /// So many tokens.
    Tokens(usize),
    /// As many tokens as so many bytes of keys and values hold.
    Bytes(u64),
}

/// Lays out one tensor of keys and one of values a layer.
pub(super) struct Pool {
    slots: usize,
    /// Entries of one row.
    width: usize,
    /// Bytes of one row.
    row_bytes: usize,
    layers: usize,
    cache_type: CacheType,
}

impl Pool {
    /// Checks that the whole cache can be had.
    pub(super) fn new(config: &Config, size: CacheSize, cache_type: CacheType) -> Result<Self, LoadError> {
        let width = config.key_value_heads * config.head_dim;
        let row_bytes = match cache_type.numbers() {
            None => width * size_of::<f32>(),
            Some(numbers) => config.key_value_heads * numbers.bytes(config.head_dim),
        };
        let layers = config.layers.len();
        let slot_bytes = 2 * layers * row_bytes;
        let slots = match size {
            CacheSize::Tokens(slots) => slots,
            CacheSize::Bytes(bytes) => {
                let slots = usize::try_from(bytes / slot_bytes as u64).unwrap_or(usize::MAX);
                if slots == 0 {
                    return Err(LoadError::CacheBytes { bytes, slot_bytes });
                }
                slots
            }
        };
        let bytes = slots.checked_mul(slot_bytes);
        // Asking and giving back costs nothing, and a refusal here is an error
        // where a refusal of the zeroed memory itself would end the process.
        let fits = slots > 0
            && u32::try_from(slots).is_ok()
            && bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
        if fits {
            Ok(Self { slots, width, row_bytes, layers, cache_type })
        } else {
            Err(LoadError::Cache { slots, slot_bytes })
        }
    }

    /// Rows of keys and values.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes of one slot's keys and values over all layers.
    pub(super) fn slot_bytes(&self) -> usize {
        2 * self.layers * self.row_bytes
    }

    /// Zeroed rows: `[slots, width]`, or `[slots, row_bytes]` bytes of rounded
    /// ones. They take memory only once written: what the allocator gives for
    /// `vec![0; n]` is mapped on first use.
    pub(super) fn allocate(&self) -> Result<Tensor, LoadError> {
        let tensor = match self.cache_type.numbers() {
            None => Tensor::from_vec(vec![0f32; self.slots * self.width], (self.slots, self.width), &Device::Cpu),
            Some(_) => {
                let zeros = vec![0u8; self.slots * self.row_bytes];
                Tensor::from_vec(zeros, (self.slots, self.row_bytes), &Device::Cpu)
            }
        };
        tensor.map_err(|_| LoadError::Cache { slots: self.slots, slot_bytes: self.slot_bytes() })
    }
}
