//! What several plans of this repository share: their arguments, the held-out
//! problems, the texts of prompts, what is read out of a model's answer, and the
//! transcript that a plan returns.

mod answer;
mod arguments;
mod json;
mod placement;
mod problem;
mod prompt;
mod sampling;
mod transcript;
mod votes;

pub use answer::{answer, number};
pub use arguments::{Arguments, Named};
pub use json::{object, schema, word};
pub use placement::Placement;
pub use problem::Problem;
pub use prompt::fill;
pub use sampling::Sampling;
pub use transcript::Transcript;
pub use votes::majority;
