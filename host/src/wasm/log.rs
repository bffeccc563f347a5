//! What a guest logs and says: bounded, and safe to show.

/// Bytes of a logged line that are shown.
const LINE_BYTES: usize = 4 << 10;
/// Bytes of logged text in a run that are shown.
const RUN_BYTES: usize = 256 << 10;

/// Where a guest's log lines go; without anywhere, they are dropped.
#[derive(Default)]
pub struct LogSink(Option<Box<Write>>);

type Write = dyn Fn(&str) + Send;

impl LogSink {
    /// Gives each line, free of control characters, to this function.
    pub fn new(write: impl Fn(&str) + Send + 'static) -> Self {
        Self(Some(Box::new(write)))
    }

    fn write(&self, line: &str) {
        if let Some(write) = &self.0 {
            write(line);
        }
    }
}

/// The guest's log, bounded per line and per run.
pub(super) struct Log {
    sink: LogSink,
    left: usize,
}

impl Log {
    pub(super) fn new(sink: LogSink) -> Self {
        Self { sink, left: RUN_BYTES }
    }

    /// Shows a text, as much of it as is still allowed.
    pub(super) fn write(&mut self, level: &str, text: &str) {
        if self.left == 0 {
            return;
        }
        for line in text.lines() {
            let shown = start_of(line, LINE_BYTES);
            // An empty line costs as well: a guest may log any number of them.
            let cost = shown.len() + 1;
            if cost > self.left {
                self.left = 0;
                self.sink.write(&format!("log: over {} KiB, no more is shown", RUN_BYTES >> 10));
                return;
            }
            self.left -= cost;
            let rest = line.len() - shown.len();
            let cut = if rest > 0 { format!(" … ({rest} bytes more)") } else { String::new() };
            self.sink.write(&format!("{level}: {}{cut}", printable(shown)));
        }
    }
}

/// The first `bytes` bytes of a text, cut at a whole character.
pub(super) fn start_of(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A guest's text as it may be shown on a terminal: control characters, which
/// could rewrite what stands there, are spelled out; lines and tabs stay.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn lines(texts: impl IntoIterator<Item = String>) -> Vec<String> {
        let (sender, receiver) = mpsc::channel();
        let mut log = Log::new(LogSink::new(move |line| sender.send(line.to_owned()).unwrap()));
        for text in texts {
            log.write("info", &text);
        }
        drop(log);
        receiver.iter().collect()
    }

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(lines(["a\tb\u{1b}[2J\nc\u{85}".into()]), ["info: a\tb\\u{1b}[2J", "info: c\\u{85}"]);
    }

    #[test]
    fn a_long_line_is_cut_at_a_whole_character() {
        let shown = lines([format!("a{}", "é".repeat(LINE_BYTES))]).remove(0);
        let (text, rest) = shown.split_once(" … ").unwrap();
        assert_eq!(text.len(), "info: ".len() + LINE_BYTES - 1);
        assert_eq!(rest, format!("({} bytes more)", LINE_BYTES + 2));
    }

    #[test]
    fn a_run_has_an_end() {
        let shown = lines(std::iter::repeat_n("\n".repeat(1000), 1000));
        assert_eq!(shown.len(), RUN_BYTES + 1);
        assert_eq!(shown.last().unwrap(), "log: over 256 KiB, no more is shown");
    }
}
