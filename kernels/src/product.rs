//! Products with weights as a checkpoint stores them.

#[cfg(target_arch = "x86_64")]
mod few;
#[cfg(target_arch = "x86_64")]
mod single;
#[cfg(target_arch = "x86_64")]
mod x86;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use crate::Level;
use crate::{Kernels, Weights, check, dot::dots};

/// A product of rows with the transpose of a weight matrix.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// Rows of input, m.
    pub rows: usize,
    /// Outputs of each row, n.
    pub outputs: usize,
    /// Values of each row, k, along which sums run.
    pub width: usize,
    /// [rows, width].
    pub inputs: &'a [f32],
    /// [outputs, width], as a checkpoint stores a linear layer, read where they
    /// lie, so it may be a mapped file.
    pub weights: Weights<'a>,
}

/// Multiply-adds under which waking another thread costs more than it saves.
const WORTH_THREADS: usize = 1 << 18;
/// Weights a block keeps in the second-level cache for all its rows, and how
/// many columns of output that may be: a multiple of every register tile.
const BLOCK_WEIGHTS: usize = 1 << 16;
const COLUMN_STEP: usize = 24;
const MOST_COLUMNS: usize = 192;
/// Columns of halves that are made `f32` together for a single row: those of
/// its register tile.
const SINGLE_ROW_STEP: usize = 8;
/// Rows of one block: enough to use its weights well, few enough to share
/// narrow products among threads.
const BLOCK_ROWS: usize = 64;
/// Rows and columns of a block whose weights are laid out for its rows: those
/// of a segment stay in the second-level cache.
const PANEL_ROWS: usize = 256;
const PANEL_COLUMNS: usize = 64;
/// Columns of a block for a single row, or a few.
const SINGLE_ROW_COLUMNS: usize = 64;

/// A rectangle of the output, one slice for each of its rows.
struct OutputBlock<'a> {
    inputs: &'a [f32],
    weights: Weights<'a>,
    out: Vec<&'a mut [f32]>,
}

impl Kernels {
    /// `out[r][o]` = sum over `i` of `inputs[r][i] * weights[o][i]`; `out` is
    /// [rows, outputs]. Each output is one dot product in a fixed order: the
    /// same bits alone or in any batch, on any number of threads.
    ///
    /// # Panics
    /// Where a slice does not have the length its shape says.
    pub fn product(self, call: &Product<'_>, out: &mut [f32]) {
        let Product { rows, outputs, width, .. } = *call;
        check::length("inputs of a product", rows * width, call.inputs.len());
        check::length("weights of a product", outputs * width, call.weights.len());
        check::length("output of a product", rows * outputs, out.len());
        if out.is_empty() || width == 0 {
            out.fill(0.0);
            return;
        }
        let threads = rows * outputs * width >= WORTH_THREADS;
        #[cfg(target_arch = "x86_64")]
        if rows == 1 && self.level() != Level::Scalar && single::serves(call.weights, width) {
            let blocks = cut(call, 1, SINGLE_ROW_COLUMNS, out);
            return each(blocks, threads, |mut block, _: &mut ()| self.single_row(&mut block));
        }
        #[cfg(target_arch = "x86_64")]
        if rows <= few::most(call.weights) && self.level() == Level::Avx512 && single::serves(call.weights, width) {
            let together = rows.div_ceil(rows.div_ceil(few::ROWS));
            let blocks = cut(call, together, SINGLE_ROW_COLUMNS, out);
            return each(blocks, threads, |mut block, _: &mut ()| self.few_rows(&mut block));
        }
        #[cfg(target_arch = "x86_64")]
        if self.level() == Level::Avx512 {
            let blocks = cut(call, PANEL_ROWS, PANEL_COLUMNS, out);
            return each(blocks, threads, |mut block, scratch| self.panels(width, &mut block, scratch));
        }
        let fitting = BLOCK_WEIGHTS / width / COLUMN_STEP * COLUMN_STEP;
        let blocks = cut(call, BLOCK_ROWS, fitting.clamp(COLUMN_STEP, MOST_COLUMNS), out);
        each(blocks, threads, |block, _: &mut ()| self.block(width, block));
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    fn single_row(self, block: &mut OutputBlock<'_>) {
        assert!(self.level() != Level::Scalar, "a single row: expected AVX2, found {:?}", self.level());
        for out in &mut block.out {
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2, FMA and F16C.
            unsafe { single::row(block.inputs, block.weights, out) }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the AVX-512 body may run only where there is AVX-512")]
    fn few_rows(self, block: &mut OutputBlock<'_>) {
        assert!(self.level() == Level::Avx512, "a few rows: expected AVX-512, found {:?}", self.level());
        // SAFETY: a `Kernels` has this level only if the CPU has all of it.
        unsafe { few::rows(block.inputs, block.weights, &mut block.out) }
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the AVX-512 body may run only where there is AVX-512")]
    fn panels(self, width: usize, block: &mut OutputBlock<'_>, scratch: &mut x86::Scratch) {
        assert!(self.level() == Level::Avx512, "panels: expected AVX-512, found {:?}", self.level());
        // SAFETY: a `Kernels` has this level only if the CPU has all of it.
        unsafe { x86::block(self, width, block, scratch) }
    }

    fn block(self, width: usize, mut block: OutputBlock<'_>) {
        if let Weights::F32(weights) = block.weights {
            let columns: Vec<&[f32]> = weights.chunks_exact(width).collect();
            return dots(self, block.inputs, &columns, &mut block.out);
        }
        // Halves are made `f32` a few columns at a time, which stay in the cache.
        let columns = block.weights.len() / width;
        let step = if block.inputs.len() == width { SINGLE_ROW_STEP } else { COLUMN_STEP };
        let mut wide = vec![0.0; step.min(columns) * width];
        for start in (0..columns).step_by(step) {
            let end = columns.min(start + step);
            let wide = &mut wide[..(end - start) * width];
            self.widen(block.weights.part(start * width..end * width), wide);
            let columns: Vec<&[f32]> = wide.chunks_exact(width).collect();
            let mut out: Vec<&mut [f32]> = block.out.iter_mut().map(|row| &mut row[start..end]).collect();
            dots(self, block.inputs, &columns, &mut out);
        }
    }
}

/// Does the work of all blocks, with memory that goes from one to the next.
fn each<Scratch: Default>(
    blocks: Vec<OutputBlock<'_>>,
    threads: bool,
    work: impl Fn(OutputBlock<'_>, &mut Scratch) + Sync,
) {
    if blocks.len() > 1 && threads {
        blocks.into_par_iter().for_each_init(Scratch::default, |scratch, block| work(block, scratch));
    } else {
        let mut scratch = Scratch::default();
        blocks.into_iter().for_each(|block| work(block, &mut scratch));
    }
}

/// Cuts the output into blocks of so many rows and columns. Where is a matter
/// of speed alone.
fn cut<'a>(call: &Product<'a>, rows: usize, columns: usize, out: &'a mut [f32]) -> Vec<OutputBlock<'a>> {
    let mut blocks = Vec::new();
    let inputs = call.inputs.chunks(rows * call.width);
    for (inputs, out) in inputs.zip(out.chunks_mut(rows * call.outputs)) {
        let first = blocks.len();
        for start in (0..call.outputs).step_by(columns) {
            let end = call.outputs.min(start + columns);
            let weights = call.weights.part(start * call.width..end * call.width);
            blocks.push(OutputBlock { inputs, weights, out: Vec::with_capacity(inputs.len() / call.width) });
        }
        for row in out.chunks_mut(call.outputs) {
            for (block, part) in blocks[first..].iter_mut().zip(row.chunks_mut(columns)) {
                block.out.push(part);
            }
        }
    }
    blocks
}
