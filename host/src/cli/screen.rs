//! Standard error: lines, and a progress line where it is a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::engine::Progress;
use crate::wasm::{LogSink, printable};

/// How often the progress line is drawn.
const REFRESH: Duration = Duration::from_millis(100);

/// Writes a line to standard error. Where that is closed, there is nobody to tell.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A text as one line that may be shown.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    printable(&lines.join(" "))
}

/// The progress line.
#[derive(Clone)]
pub(super) struct Screen {
    bar: ProgressBar,
}

impl Screen {
    /// Nothing is drawn.
    pub(super) fn still() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// Draws where standard error is a terminal.
    pub(super) fn live() -> Self {
        if !io::stderr().is_terminal() {
            return Self::still();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}{msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Says of what the counters are.
    pub(super) fn about(&self, what: &str) {
        self.bar.set_prefix(format!("{what}: "));
    }

    /// Where a guest's log lines go: above the progress line.
    pub(super) fn log(&self) -> LogSink {
        let bar = self.bar.clone();
        LogSink::new(move |line| bar.suspend(|| say(&format!("plan {line}"))))
    }

    /// Draws a run's counters until the task is aborted.
    pub(super) fn follow(&self, progress: Arc<Progress>) -> JoinHandle<()> {
        let bar = self.bar.clone();
        tokio::spawn(async move {
            while !bar.is_hidden() {
                tokio::time::sleep(REFRESH).await;
                let [lanes, encoded, generated] = [&progress.lanes, &progress.encoded, &progress.generated]
                    .map(|counter| counter.load(Ordering::Relaxed));
                let noun = if lanes == 1 { "lane" } else { "lanes" };
                bar.set_message(format!("{lanes} {noun}, {encoded} tokens encoded, {generated} generated"));
                bar.tick();
            }
        })
    }

    /// The line as a bar of a file's bytes.
    pub(super) fn bytes(&self) -> &ProgressBar {
        let template = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        &self.bar
    }

    /// Takes the progress line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
