//! CPU kernels of the choreo host, over `f32` slices and shapes, and weights and
//! cached rows that may be narrower: matrix products, rotary embedding, attention over spans, normalisation, gating.
//!
//! Everything is a method of [`Kernels`], a small value that says which body
//! this machine runs: the scalar definitions, AVX2 with FMA and F16C, or, where
//! it pays, AVX-512. They agree bit for bit: all sum in eight lanes that are
//! folded in one tree, and long sums in segments of 1,024 values; they
//! multiply and add with one rounding, and share one polynomial for `exp`.
//!
//! What callers may rely on:
//!
//! * **Rows are independent.** A row of a result is the same bits whatever
//!   else is in the batch, however many threads run, and wherever its slots
//!   lie. Every sum runs in one fixed order. It is what makes a seed mean
//!   something.
//! * **Keys never move.** A cached key is rotated once, by its index inside
//!   its message. A call that places the message at an offset rotates its
//!   query by the difference instead.
//! * **Attention costs what a call sees**, never what the cache holds.
//!
//! What this crate must not know: tensors, models, messages, requests, other
//! crates of the workspace. A shape that does not fit is a mistake of the
//! caller and panics, naming the operand, what was expected and what came.

mod attention;
mod check;
mod dot;
mod lanes;
mod level;
#[cfg(target_arch = "x86_64")]
mod panel;
mod pointwise;
mod product;
mod rotary;
mod weights;

pub use attention::{Attention, Block, HeadShape, Narrow, Rows, Span};
pub use level::{Kernels, Level};
pub use pointwise::Normalise;
pub use product::Product;
pub use rotary::RotaryTable;
pub use weights::Weights;
