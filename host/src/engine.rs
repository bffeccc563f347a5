//! The engine: one thread that owns the model and the cache.

pub mod call;
mod handle;
pub mod report;

pub use handle::{Budgets, Defaults, Handle, Mode, Progress, Run, RunOptions};
