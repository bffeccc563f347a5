//! From a checked plan to logits.
//!
//! `Model` is one of the project's two seams: the decoder implements it, and in
//! tests a witness whose cache rows are hashes.

mod bounds;
mod config;
mod decoder;
mod family;
mod fields;
pub mod gguf;
mod hub;
mod matrix;
mod ops;
mod pool;
mod rotary;
mod source;
mod weights;

pub use decoder::{Decoder, LoadOptions};
pub use fields::ConfigError;
pub use gguf::Gguf;
pub use hub::{Hub, HubError, HubName, Named};
pub use matrix::Format;
pub use pool::{CacheSize, CacheType};
pub use source::Source;

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

/// A model that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file that the model must have.
    #[error("{model} has no {file}: name a Hugging Face model directory")]
    Missing {
        /// Its name.
        file: String,
        /// Where it was looked for.
        model: String,
    },
    /// A file that is there and cannot be read.
    #[error("{file} cannot be read: {error}")]
    Read {
        /// Its name.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A configuration that asks for something impossible or not supported.
    #[error("{file} {error}")]
    Config {
        /// Where it stands.
        file: String,
        /// What it asks for.
        error: ConfigError,
    },
    /// A file of weights that does not fit.
    #[error("{file} {problem}")]
    Weights {
        /// Its name.
        file: String,
        /// What was found and what was wanted.
        problem: String,
    },
    /// A cache that this machine has no room for.
    #[error("a cache of {slots} tokens at {slot_bytes} bytes each cannot be had: ask for fewer, at least 1")]
    Cache {
        /// Rows asked for.
        slots: usize,
        /// Bytes of keys and values in one row, over all layers.
        slot_bytes: usize,
    },
    /// A cache that holds nothing.
    #[error("a cache of {bytes} bytes holds no token, each takes {slot_bytes}: ask for more")]
    CacheBytes {
        /// Bytes asked for.
        bytes: u64,
        /// Bytes of keys and values in one row, over all layers.
        slot_bytes: usize,
    },
    /// Threads that the system does not give.
    #[error("the model's threads cannot be started ({0}): ask for fewer")]
    Threads(String),
}

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
