//! Answers a plan's calls from a recording, as long as they are those that are in it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::difference::{Difference, Function};
use super::{End, LINE_BYTES, Line, Recorded, VERSION};

/// A file that is no recording, or is one for another host.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read at all.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Its first line is not that of a recording.
    #[error("it is no recording ({0}): name a file that `choreo-host run --record` has written")]
    Foreign(String),
    /// It was made for another contract, or in another way.
    #[error("it is a recording of version {version} for {contract}, and this host reads version {VERSION} for {ours}: record the run again", ours = crate::wasm::CONTRACT)]
    Version {
        /// The way in which it was written.
        version: u32,
        /// The contract that its plan was built against.
        contract: String,
    },
    /// More than the flag of the same name allows.
    #[error("its plan was given {0} bytes of memory, more than any plan can be: record the run again")]
    Memory(u64),
}

/// Bytes of memory that a recorded run can have had.
const MEMORY_BYTES: u64 = 64 << 30;

/// A recording, read line by line as a plan makes its calls.
#[derive(Debug)]
pub struct Recording {
    /// What it is of.
    pub recorded: Recorded,
    lines: Lines,
    /// Calls that were made and are as recorded.
    calls: u64,
    /// Whether nothing more is to be compared.
    over: bool,
}

impl Recording {
    /// Opens a recording.
    ///
    /// # Errors
    /// When the file cannot be read, or is no recording for this host.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let mut lines = Lines { file: BufReader::new(File::open(path)?), line: Vec::new(), number: 0 };
        let foreign = |difference: Difference| ReadError::Foreign(difference.why());
        let recorded = match lines.next::<IgnoredAny, IgnoredAny>().map_err(foreign)? {
            Some(Line::Recording(recorded)) => recorded,
            Some(_) => return Err(ReadError::Foreign("its first line is missing".into())),
            None => return Err(ReadError::Foreign("it is empty".into())),
        };
        if (recorded.version, recorded.contract.as_str()) != (VERSION, crate::wasm::CONTRACT) {
            return Err(ReadError::Version { version: recorded.version, contract: recorded.contract });
        }
        match recorded.limits.memory_bytes {
            0..=MEMORY_BYTES => Ok(Self { recorded, lines, calls: 0, over: false }),
            bytes => Err(ReadError::Memory(bytes)),
        }
    }

    /// Calls that were answered.
    pub(in crate::wasm) fn calls(&self) -> u64 {
        self.calls
    }

    /// The recorded answer to a call; `function` also names the arguments.
    pub(in crate::wasm) fn answer<A, T>(&mut self, function: Function, arguments: &A) -> Result<T, Difference>
    where
        A: Serialize + DeserializeOwned,
        T: DeserializeOwned,
    {
        let answer = self.try_answer(function, arguments);
        self.over = answer.is_err();
        answer
    }

    fn try_answer<A, T>(&mut self, function: Function, asked: &A) -> Result<T, Difference>
    where
        A: Serialize + DeserializeOwned,
        T: DeserializeOwned,
    {
        let number = self.calls + 1;
        let cut = || Difference::Cut { number, function: function.name() };
        match self.lines.next::<IgnoredAny, IgnoredAny>()?.ok_or_else(cut)? {
            Line::Call { number: at, function: name, .. } if at == number && name == function.name() => {}
            Line::Call { number: at, function: recorded, .. } if at == number => {
                return Err(Difference::Function { number, recorded, asked: function.name() });
            }
            Line::End(end) => return Err(Difference::GoesOn { number, function: function.name(), end }),
            _ => return Err(self.lines.damaged(format!("call {number} was expected"))),
        }
        // The same line again, now that its function says of what kind it is.
        if let Line::Call { arguments, .. } = self.lines.parse::<A, IgnoredAny>()? {
            function.compare(number, &arguments, asked)?;
        }
        match self.lines.next::<IgnoredAny, T>()?.ok_or_else(cut)? {
            Line::Answer { number: at, value } if at == number => {
                self.calls = number;
                Ok(value)
            }
            Line::End(End::Stopped(line)) => Err(Difference::None(line)),
            _ => Err(self.lines.damaged(format!("the answer to call {number} was expected"))),
        }
    }

    /// Compares how the plan ended.
    pub(in crate::wasm) fn end(&mut self, end: impl Into<End>) -> Result<(), Difference> {
        if self.over {
            return Ok(());
        }
        let (number, end) = (self.calls + 1, end.into());
        match self.lines.next::<IgnoredAny, IgnoredAny>()? {
            Some(Line::End(recorded)) => Difference::of_ends(&recorded, &end).map_or(Ok(()), Err),
            Some(Line::Call { function, .. }) => Err(Difference::EndsEarly { number, function, end }),
            Some(_) => Err(self.lines.damaged("a call or the end was expected".into())),
            None => Err(Difference::CutEnd { calls: self.calls, end }),
        }
    }
}

/// The lines of a file, one of them in memory.
#[derive(Debug)]
struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// The next line; none at the end.
    fn next<A: DeserializeOwned, T: DeserializeOwned>(&mut self) -> Result<Option<Line<A, T>>, Difference> {
        self.line.clear();
        self.number += 1;
        let most = LINE_BYTES as u64 + 1;
        let read = (&mut self.file).take(most).read_until(b'\n', &mut self.line);
        read.map_err(|error| self.damaged(error.to_string()))?;
        match self.line.last() {
            None => Ok(None),
            Some(b'\n') => self.parse().map(Some),
            Some(_) if self.line.len() > LINE_BYTES => {
                Err(self.damaged(format!("it is over {} MiB", LINE_BYTES >> 20)))
            }
            Some(_) => Err(self.damaged("it has no end: the file was cut short".into())),
        }
    }

    /// The line that was read last.
    fn parse<A: DeserializeOwned, T: DeserializeOwned>(&self) -> Result<Line<A, T>, Difference> {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let why = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
        serde_json::from_slice(line).map_err(|error| self.damaged(why(error)))
    }

    fn damaged(&self, why: String) -> Difference {
        Difference::Damaged { line: self.number, why }
    }
}
