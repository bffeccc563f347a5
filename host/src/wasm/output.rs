//! What a guest prints: the end of it is kept.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Bytes that are kept; an interpreter's traceback fits.
const KEPT: usize = 64 << 10;

/// The guest's standard output and standard error, as one.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    dropped: u64,
}

impl Output {
    /// What was printed last, and how many bytes came before it.
    pub(super) fn printed(&self) -> Printed {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.bytes.iter().copied().collect();
        Printed { text: String::from_utf8_lossy(&bytes).into_owned(), dropped: kept.dropped }
    }

    fn write(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let new = &bytes[bytes.len().saturating_sub(KEPT)..];
        let over = (kept.bytes.len() + new.len()).saturating_sub(KEPT);
        kept.bytes.drain(..over);
        kept.bytes.extend(new);
        kept.dropped += (over + bytes.len() - new.len()) as u64;
    }
}

/// What a guest printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The end of it.
    pub text: String,
    /// Bytes before it that were not kept.
    pub dropped: u64,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let output = Output::default();
        output.write(&[b'a'; KEPT]);
        output.write(b"end");
        let printed = output.printed();
        assert_eq!((printed.text.len(), printed.dropped), (KEPT, 3));
        assert!(printed.text.ends_with("aend"));
        output.write(&[b'b'; 2 * KEPT]);
        let printed = output.printed();
        assert_eq!(printed.dropped, 3 + 2 * KEPT as u64);
        assert!(printed.text.bytes().all(|byte| byte == b'b'));
    }
}
