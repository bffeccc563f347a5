//! A run's calls and answers as lines of JSON, and a run that is answered from them.
//!
//! ```text
//! {"recording":{"version":1,"contract":…,"plan":…,"arguments":[…],"mode":…,"model":…,"seed":…,"limits":{…}}}
//! {"call":{"number":1,"function":"prefill","arguments":[[…]]}}      arguments in the contract's order
//! {"answer":{"number":1,"value":{"Ok":[1]}}}
//! …
//! {"end":{"result":{"Ok":"…"}}}                                     or {"stopped":"why, in one line"}
//! ```
//!
//! A guest has one thread: a call is followed by its answer, unless the run was
//! stopped meanwhile. Lines are written as they arise, so what a killed run
//! leaves can be read. A pending message goes by its number: the first that was
//! started is 1. A call of the contract that has no answer (`log`) has null.
//! Records, variants and enums are spelled as the bindings' Rust types are. JSON
//! has no number for NaN and infinities: they become null, and an answer with one
//! cannot be replayed.

mod difference;
mod reader;
mod writer;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use self::difference::{Difference, Function};
pub use self::reader::{ReadError, Recording};
pub use self::writer::{Recorder, WriteError};
use super::limits::Limits;
use super::trap::Failure;

/// The way of writing recordings that this host knows.
const VERSION: u32 = 1;
/// Bytes of one line: what one call may carry, every byte of it escaped, and more.
const LINE_BYTES: usize = 64 << 20;

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    version: u32,
    contract: String,
    /// Hash (SHA-256) of the component's bytes, in hexadecimal digits.
    pub plan: String,
    /// The plan's arguments.
    pub arguments: Vec<String>,
    /// How parents were honoured.
    pub mode: String,
    /// Name of the model.
    pub model: String,
    /// Seed of the run.
    pub seed: u64,
    limits: RecordedLimits,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RecordedLimits {
    cpu_ms: u64,
    wall_ms: u64,
    memory_bytes: u64,
}

impl Recorded {
    /// What a run is, before it begins.
    pub fn new(arguments: Vec<String>, mode: String, model: String, seed: u64, limits: &Limits) -> Self {
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let limits = RecordedLimits {
            cpu_ms: milliseconds(limits.cpu),
            wall_ms: milliseconds(limits.wall),
            memory_bytes: limits.memory_bytes,
        };
        let (contract, plan) = (super::CONTRACT.into(), String::new());
        Self { version: VERSION, contract, plan, arguments, mode, model, seed, limits }
    }

    /// The same, of a plan with this hash.
    #[must_use]
    pub fn of(self, plan: String) -> Self {
        Self { plan, ..self }
    }

    /// What the run could use of the machine.
    pub fn limits(&self) -> Limits {
        Limits {
            cpu: Duration::from_millis(self.limits.cpu_ms),
            wall: Duration::from_millis(self.limits.wall_ms),
            memory_bytes: self.limits.memory_bytes,
        }
    }
}

/// How a recorded run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// What the plan returned.
    Result(Result<String, String>),
    /// The line that says why it was stopped.
    Stopped(String),
}

impl From<&Result<Result<String, String>, Failure>> for End {
    fn from(result: &Result<Result<String, String>, Failure>) -> Self {
        match result {
            Ok(result) => Self::Result(result.clone()),
            Err(failure) => Self::Stopped(failure.line.clone()),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Result(Ok(_)) => "it gave a result",
            Self::Result(Err(_)) => "it gave an error",
            Self::Stopped(_) => "it was stopped",
        })
    }
}

/// One line. `Arguments` and `Value` are whatever the function has.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<Arguments, Value> {
    Recording(Recorded),
    Call { number: u64, function: String, arguments: Arguments },
    Answer { number: u64, value: Value },
    End(End),
}
