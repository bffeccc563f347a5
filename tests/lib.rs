//! What the tests and the evaluation of the embedded model share.

#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

pub mod divergence;
pub mod evaluation;
pub mod rig;
