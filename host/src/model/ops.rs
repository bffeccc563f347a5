//! The kernels as operations on candle tensors. All tensors are contiguous, on
//! the CPU, and `f32`, but for rounded rows of keys and values, which are bytes.

use std::num::NonZeroU32;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, InplaceOp2, Layout, Result, Shape, WithDType, bail,
};
use choreo_kernels::{Attention, HeadShape, Kernels, Narrow, RotaryTable, Rows};

use super::matrix::Matrix;

/// `inputs [rows, width] × weights [outputs, width]ᵀ → [rows, outputs]`.
pub(super) struct Product<'a> {
    pub(super) kernels: Kernels,
    pub(super) weights: &'a Matrix,
}

impl CustomOp1 for Product<'_> {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(&self, inputs: &CpuStorage, inputs_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = inputs_layout.shape().dims2()?;
        let (outputs, expected) = (self.weights.rows(), self.weights.width());
        if width != expected {
            bail!("product: expected rows of {expected}, found {width}");
        }
        let mut out = vec![0.0; rows * outputs];
        let call = choreo_kernels::Product {
            rows,
            outputs,
            width,
            inputs: values(inputs, inputs_layout)?,
            weights: self.weights.weights(),
        };
        self.kernels.product(&call, &mut out);
        Ok((CpuStorage::F32(out), (rows, outputs).into()))
    }
}

/// Root-mean-square norm of `rows [rows, width]` by `weight [width]`.
pub(super) struct Normalise {
    pub(super) kernels: Kernels,
    pub(super) epsilon: f32,
}

impl CustomOp2 for Normalise {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn cpu_fwd(
        &self,
        rows: &CpuStorage,
        rows_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let rows = values(rows, rows_layout)?;
        let mut out = vec![0.0; rows.len()];
        let weight = values(weight, weight_layout)?;
        let call = choreo_kernels::Normalise { rows, weight, epsilon: self.epsilon };
        self.kernels.normalise(&call, &mut out);
        Ok((CpuStorage::F32(out), rows_layout.shape().clone()))
    }
}

/// `silu(gate) × up`, entry by entry; both `[rows, inner]`.
pub(super) struct SiluGate(pub(super) Kernels);

impl CustomOp2 for SiluGate {
    fn name(&self) -> &'static str {
        "silu_gate"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let gate = values(gate, gate_layout)?;
        let mut out = vec![0.0; gate.len()];
        self.0.silu_gate(gate, values(up, up_layout)?, &mut out);
        Ok((CpuStorage::F32(out), gate_layout.shape().clone()))
    }
}

/// Writes `rows [rows, kv_heads × head_dim]` into the slots of a pool, as wide or,
/// where they are rounded, of their bytes. Slots must be in range.
pub(super) struct Scatter<'a> {
    pub(super) kernels: Kernels,
    pub(super) head_dim: usize,
    /// What rows are rounded to in their slots.
    pub(super) numbers: Option<Narrow>,
    /// Slot of each row.
    pub(super) slots: &'a [usize],
    /// Distance by which each row is rotated before; none: as it is.
    pub(super) rotation: Option<Rotation<'a>>,
}

/// How far each row is turned.
pub(super) struct Rotation<'a> {
    pub(super) table: &'a RotaryTable,
    /// Index of each row inside its message.
    pub(super) indexes: &'a [i32],
}

impl InplaceOp2 for Scatter<'_> {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn cpu_fwd(
        &self,
        pool: &mut CpuStorage,
        pool_layout: &Layout,
        rows: &CpuStorage,
        rows_layout: &Layout,
    ) -> Result<()> {
        let (_, place) = pool_layout.shape().dims2()?;
        let (count, width) = rows_layout.shape().dims2()?;
        let expected = match self.numbers {
            None => width,
            Some(numbers) => width / self.head_dim * numbers.bytes(self.head_dim),
        };
        if count != self.slots.len() || place != expected {
            let slots = self.slots.len();
            bail!("scatter: {count} rows of {width} into {slots} slots of {place}, where each takes {expected}");
        }
        let mut rows = values::<f32>(rows, rows_layout)?.to_vec();
        if let Some(Rotation { table, indexes }) = &self.rotation {
            for (row, index) in rows.chunks_exact_mut(width).zip(*indexes) {
                self.kernels.rotate(table, row, *index);
            }
        }
        let rows = self.slots.iter().map(|slot| slot * place..(slot + 1) * place).zip(rows.chunks_exact(width));
        match (pool, self.numbers) {
            (CpuStorage::F32(pool), None) => rows.for_each(|(place, row)| pool[place].copy_from_slice(row)),
            (CpuStorage::U8(pool), Some(numbers)) => {
                rows.for_each(|(place, row)| self.kernels.narrow(numbers, self.head_dim, row, &mut pool[place]));
            }
            _ => bail!("scatter: expected a pool of f32, or of bytes for {:?}", self.numbers),
        }
        Ok(())
    }
}

/// Attention of `queries [rows, heads × head_dim]` over pools of keys and
/// values, as [`Scatter`] leaves them, → `[rows, heads × head_dim]`.
pub(super) struct Attend<'a> {
    pub(super) kernels: Kernels,
    pub(super) shape: HeadShape,
    /// What keys and values are rounded to.
    pub(super) numbers: Option<Narrow>,
    /// Factor of every score.
    pub(super) scale: f32,
    pub(super) window: Option<NonZeroU32>,
    pub(super) table: &'a RotaryTable,
    pub(super) blocks: &'a [choreo_kernels::Block],
    pub(super) spans: &'a [choreo_kernels::Span],
}

impl CustomOp3 for Attend<'_> {
    fn name(&self) -> &'static str {
        "attend"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        queries_layout: &Layout,
        keys: &CpuStorage,
        keys_layout: &Layout,
        values: &CpuStorage,
        values_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let queries = self::values(queries, queries_layout)?;
        let mut out = vec![0.0; queries.len()];
        let rows = |storage, layout| {
            Ok::<_, Error>(match self.numbers {
                None => Rows::F32(self::values(storage, layout)?),
                Some(numbers) => Rows::Narrow(numbers, self::values(storage, layout)?),
            })
        };
        let call = Attention {
            shape: self.shape,
            scale: self.scale,
            window: self.window,
            queries,
            keys: rows(keys, keys_layout)?,
            values: rows(values, values_layout)?,
            blocks: self.blocks,
            spans: self.spans,
        };
        self.kernels.attend(&call, self.table, &mut out);
        Ok((CpuStorage::F32(out), queries_layout.shape().clone()))
    }
}

fn values<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("expected a contiguous tensor, found {layout:?}");
    };
    Ok(&storage.as_slice::<T>()?[start..end])
}
