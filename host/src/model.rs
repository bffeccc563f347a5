//! From a checked plan to logits.
//!
//! `Model` is one of the project's two seams: the decoder implements it, and in
//! tests a witness whose cache rows are hashes.

use crate::cache::plan::Plan;

/// What the engine must know of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelShape {
    /// Name to show.
    pub name: String,
    /// Rows of the embedding, that is, logits in a row.
    pub vocabulary: usize,
    /// Largest number of positions that a call may span.
    pub context: usize,
    /// Rows of keys and values in the cache.
    pub slots: usize,
    /// Bytes of keys and values in one slot, over all layers.
    pub slot_bytes: usize,
}

/// Logits of the rows that a plan asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// Entries in a row.
    pub vocabulary: usize,
    /// `[plan.sampled.len(), vocabulary]`.
    pub values: Vec<f32>,
}

/// A forward pass that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForwardError(pub String);

/// Encodes a plan's rows into the cache and gives the logits of those sampled.
pub trait Model {
    /// What the engine must know of it.
    fn shape(&self) -> &ModelShape;

    /// Writes keys and values of every row into its slot, then reads what each
    /// row sees. A row's result must not depend on the other rows.
    ///
    /// # Errors
    /// When the device fails; the rows of the plan are then lost.
    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError>;
}
