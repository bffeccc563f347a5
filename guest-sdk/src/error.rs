//! Why a call failed, with the evidence.

use std::fmt;

use crate::Cause;
use crate::generated::choreo::host::choreo as contract;

/// What [`plan!`](crate::plan) takes as a plan's result.
///
/// `?` turns an [`Error`], a `String`, a `&str` or any standard error into it:
///
/// ```
/// fn run(args: Vec<String>) -> choreo_guest::Outcome {
///     let agents: u32 = args.first().ok_or("no number of agents given")?.parse()?;
///     Ok(format!("{agents} agents"))
/// }
/// assert_eq!(run(vec!["3".into()]).unwrap(), "3 agents");
/// assert_eq!(run(vec![]).unwrap_err().to_string(), "no number of agents given");
/// assert_eq!(run(vec!["x".into()]).unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub type Outcome<T = String> = Result<T, Box<dyn std::error::Error>>;

/// A call that the host refused, or a lane that failed.
///
/// ```
/// use choreo_guest::{Cause, Error};
///
/// let error = Error { cause: Cause::UnknownMessage(7), call: Some(2) };
/// assert_eq!(
///     error.to_string(),
///     "call 2 of the list: message 7 is not known to this run: \
///      name a message that was made here and not released",
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What went wrong, with numbers where there are any.
    pub cause: Cause,
    /// Index of the call in its list, from 0, where one call is to blame.
    pub call: Option<usize>,
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(call) = self.call {
            write!(formatter, "call {call} of the list: ")?;
        }
        write!(formatter, "{}", self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContextOverflow(contract::Shortage { what, asked, left }) => {
                write!(formatter, "{what} needs {asked} positions and the model has {left}: see less or decode less")
            }
            Self::CacheFull(contract::Shortage { what, asked, left }) => write!(
                formatter,
                "{what} needs room for {asked} tokens at once and the cache has {left}: see fewer messages, or ask for a larger cache"
            ),
            Self::Budget(contract::Shortage { what, asked, left }) => write!(
                formatter,
                "the budget {what} has {left} left and the call needs {asked}: ask the operator for more"
            ),
            Self::Timeout(contract::Shortage { what, asked, left }) => {
                write!(formatter, "the time is over ({what}: {asked} asked, {left} left): ask the operator for more")
            }
            Self::UnknownMessage(id) => write!(
                formatter,
                "message {id} is not known to this run: \
                 name a message that was made here and not released"
            ),
            Self::Lost(id) => write!(
                formatter,
                "message {id} could not be encoded, so its descendants cannot: \
                 make it and them again"
            ),
            Self::Label(id) => write!(
                formatter,
                "message {id} carries a label that the call may not see: \
                 name the label in may_see or leave the parent out"
            ),
            Self::InvalidArgument(why) => write!(formatter, "invalid argument: {why}"),
            Self::Denied(what) => write!(formatter, "denied by the operator: {what}"),
            Self::Unsupported(what) => write!(formatter, "not supported by this host: {what}"),
            Self::Cancelled => write!(formatter, "cancelled"),
            Self::Engine(why) => write!(formatter, "engine: {why}"),
        }
    }
}

impl From<contract::Error> for Error {
    fn from(error: contract::Error) -> Self {
        Self { cause: error.cause, call: error.call.map(|call| call as usize) }
    }
}

/// The only answer to a list of one call.
pub(crate) fn only<T>(answers: Vec<T>) -> Result<T, Error> {
    answers.into_iter().next().ok_or_else(|| Error {
        cause: Cause::Engine("one answer asked, none given: report it to the operator".into()),
        call: None,
    })
}
