//! What the tests and the evaluation of the embedded model share.

pub mod evaluation;
pub mod rig;
