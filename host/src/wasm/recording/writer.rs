//! Writes a recording while the run goes on.

use std::fs::File;
use std::io::{self, Write};

use serde::Serialize;

use super::{End, LINE_BYTES, Line, Recorded};

/// Bytes of a recording: what a plan may make the host write to the disk.
const RECORDING_BYTES: u64 = 1 << 30;

/// Why a recording is not complete. The run itself goes on.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file takes no more.
    #[error("{0}")]
    File(io::Error),
    /// A call, or its answer, is too long for one line.
    #[error("call {0} or its answer is over {mib} MiB, the limit of a line", mib = LINE_BYTES >> 20)]
    Line(u64),
    /// All calls together are too long.
    #[error("calls up to {0} are all that fit {mib} MiB, the limit of a recording", mib = RECORDING_BYTES >> 20)]
    Recording(u64),
}

/// A recording that is being written, a line at a time and no line in part
/// unless the file itself refuses. After the first failure nothing more is written.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    calls: u64,
    written: u64,
    failed: Option<WriteError>,
}

impl Recorder {
    /// Begins a recording.
    ///
    /// # Errors
    /// When not even the first line can be written.
    pub fn new(file: File, recorded: &Recorded) -> Result<Self, WriteError> {
        let mut recorder = Self { file, calls: 0, written: 0, failed: None };
        recorder.write(&Line::<(), ()>::Recording(recorded.clone()));
        recorder.failed.take().map_or(Ok(recorder), Err)
    }

    pub(in crate::wasm) fn call<A: Serialize>(&mut self, function: &str, arguments: &A) {
        self.calls += 1;
        self.write(&Line::<_, ()>::Call { number: self.calls, function: function.into(), arguments });
    }

    pub(in crate::wasm) fn answer<T: Serialize>(&mut self, value: &T) {
        self.write(&Line::<(), _>::Answer { number: self.calls, value });
    }

    /// Writes how the run ended.
    ///
    /// # Errors
    /// The first failure of the whole recording.
    pub(in crate::wasm) fn end(mut self, end: impl Into<End>) -> Result<(), WriteError> {
        self.write(&Line::<(), ()>::End(end.into()));
        self.failed.map_or(Ok(()), Err)
    }

    fn write<A: Serialize, T: Serialize>(&mut self, line: &Line<A, T>) {
        if self.failed.is_none() {
            self.failed = self.try_write(line).err();
        }
    }

    fn try_write<A: Serialize, T: Serialize>(&mut self, line: &Line<A, T>) -> Result<(), WriteError> {
        let mut bytes = Bounded(Vec::new());
        // Nothing of ours fails to become JSON: a line that does is too long.
        serde_json::to_writer(&mut bytes, line).map_err(|_| WriteError::Line(self.calls))?;
        let Bounded(mut bytes) = bytes;
        bytes.push(b'\n');
        self.written += bytes.len() as u64;
        if self.written > RECORDING_BYTES {
            return Err(WriteError::Recording(self.calls - 1));
        }
        self.file.write_all(&bytes).map_err(WriteError::File)
    }
}

/// Takes as much as a line may have.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LINE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
