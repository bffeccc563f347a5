//! `--stream`: texts on standard error while they are decoded.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;
use tokio::task::JoinHandle;

use crate::engine::{Following, Run};
use crate::wasm::printable;

use super::screen::say;

/// Texts of a run that are shown as they come.
pub(super) struct Stream {
    run: Arc<Run>,
    shown: JoinHandle<()>,
}

impl Stream {
    /// Shows the messages one after another, the oldest first: those beside it
    /// are shown when it has ended. `only` picks one, by its number.
    pub(super) fn start(run: Arc<Run>, only: Option<u32>) -> Result<Self> {
        let shown = tokio::spawn(show(run.follow()?, only));
        Ok(Self { run, shown })
    }

    /// Shows what is left once the plan has ended.
    pub(super) async fn finish(self) {
        self.run.unfollow();
        if self.shown.await.is_err() {
            say("note: the streamed texts are not complete");
        }
        let missed = self.run.progress().missed.load(Ordering::Relaxed);
        if missed > 0 {
            say(&format!("note: {missed} messages began while too many others were to be streamed, and were left out"));
        }
    }
}

async fn show(mut following: Following, only: Option<u32>) {
    while let Some(mut message) = following.next().await {
        if only.is_some_and(|only| only != message.number()) {
            continue;
        }
        write(&format!("message {}: ", message.number()));
        while let Some(text) = message.read().await {
            write(&printable(&text));
        }
        write("\n");
    }
}

/// Where standard error is closed, there is nobody to tell.
fn write(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
