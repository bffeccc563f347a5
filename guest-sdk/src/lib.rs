//! What the author of a choreo plan imports.
//!
//! A plan is a WebAssembly component that says which messages a language model
//! reads and writes, and which earlier messages each of them sees: its parents.
//! [`prefill`] adds a message with a given text, [`decode`] lets the model write
//! one. The host owns the model; what was encoded once is not encoded again.
//!
//! A whole plan, `examples/council.rs`:
//!
//! ```no_run
#![doc = include_str!("../examples/council.rs")]
//! ```
//!
//! Calls are built first and sent by [`Prefill::send`] or [`Decode::send`]. A list
//! of calls is sent by [`prefill_all`], [`decode_all`] or [`decode_each`]: the list
//! is the parallelism. The contract itself is `wit/choreo.wit`; every name here
//! means what it means there. Calls reach a host only inside a component: run
//! natively, they panic.

mod call;
mod decode;
mod error;
#[doc(hidden)]
pub mod generated;
mod message;
mod operator;
mod pending;
mod prefill;
mod score;

pub use decode::{Decode, Decoded, decode, decode_all, decode_each};
pub use error::{Error, Outcome};
pub use generated::choreo::host::choreo::{
    Budget, Cause, Constraint, Finish, Logprobs, ModelInfo, OnViolation, Part, Refresh, Role, Scored, Shortage,
    TokenLogprob, Until,
};
pub use generated::choreo::host::log::Level;
pub use message::{Description, Message, Parent, describe, release, text};
pub use operator::{count_tokens, limit, log, model, remaining};
pub use pending::{Pending, start_all, wait_any};
pub use prefill::{Prefill, prefill, prefill_all};
pub use score::{Score, score, score_all};

/// Makes a function the plan that this component exports.
///
/// The function takes the run's arguments as `Vec<String>` and returns
/// `Result<String, E>`, where `E` is anything that can be displayed; [`Outcome`]
/// suits most. Its text is the run's output, its error the run's error.
#[macro_export]
macro_rules! plan {
    ($run:path) => {
        const _: () = {
            struct Plan;

            impl $crate::generated::Guest for Plan {
                fn run(
                    args: ::std::vec::Vec<::std::string::String>,
                ) -> ::std::result::Result<::std::string::String, ::std::string::String> {
                    $run(args).map_err(|error| ::std::string::ToString::to_string(&error))
                }
            }

    $crate::generated::export_plan!(Plan with_types_in $crate::generated);
        };
    };
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
