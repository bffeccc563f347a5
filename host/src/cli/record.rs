//! `run --record`: the file, and what is said of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::engine::{Handle, Run};
use crate::wasm::{Outcome, Plan, Recorded, Recorder, Task};

/// A recording's file, before the run is known.
pub(super) struct Begun {
    path: PathBuf,
    file: File,
    plan: String,
}

impl Begun {
    /// Makes the file, for a run of this component.
    pub(super) fn create(path: &Path, component: &[u8]) -> Result<Self> {
        let file = File::create(path).with_context(|| cannot(path))?;
        Ok(Self { path: path.into(), file, plan: hash(component) })
    }

    /// Writes what is recorded.
    pub(super) fn of(self, recorded: Recorded) -> Result<Recording> {
        let recorder = Recorder::new(self.file, &recorded.of(self.plan)).with_context(|| cannot(&self.path))?;
        Ok(Recording { path: self.path, recorder })
    }
}

/// A recording that was begun.
pub(super) struct Recording {
    path: PathBuf,
    recorder: Recorder,
}

impl Recording {
    /// Runs the plan; whatever becomes of the recording, there is an outcome.
    pub(super) async fn run(self, plan: &Plan, handle: &Handle, run: Arc<Run>, task: Task) -> (Outcome, Result<()>) {
        let (outcome, recorded) = plan.record(handle, run, task, self.recorder).await;
        let incomplete = || format!("the recording {} is not complete", self.path.display());
        (outcome, recorded.with_context(incomplete))
    }
}

/// A component's hash, as recordings have it.
pub(super) fn hash(component: &[u8]) -> String {
    format!("{:x}", Sha256::digest(component))
}

fn cannot(path: &Path) -> String {
    format!("cannot write the recording to {}", path.display())
}
