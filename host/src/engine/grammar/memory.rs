//! What the grammars of one run's lanes take of the machine's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all grammars of a run's lanes may take at once, as the library counts
/// them; the process grows by about twice as many. A common constraint takes
/// 0.03 to 0.3 MB a lane, so that thousands of lanes fit.
const BYTES: usize = 512 << 20;

/// A run's grammars, counted; clones count together.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Memory(Arc<AtomicUsize>);

/// What one lane takes, given back when it is dropped.
#[derive(Debug)]
pub(in crate::engine) struct Share {
    memory: Memory,
    bytes: usize,
}

impl Memory {
    /// # Errors
    /// There is not so much left.
    pub(in crate::engine) fn take(&self, bytes: usize) -> Result<Share, String> {
        let mut share = Share { memory: self.clone(), bytes: 0 };
        share.grow(bytes)?;
        Ok(share)
    }
}

impl Share {
    /// The lane takes so many bytes from now on, or more if it did before.
    ///
    /// # Errors
    /// There is not so much left; the share stays as it is.
    pub(in crate::engine) fn grow(&mut self, bytes: usize) -> Result<(), String> {
        let more = bytes.saturating_sub(self.bytes);
        let taken = |all: usize| all.checked_add(more).filter(|all| *all <= BYTES);
        match self.memory.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(all) => Err(format!(
                "takes {bytes} bytes, and with {} of the run's other lanes that is more than {BYTES}: simplify it, or decode fewer at once",
                all - self.bytes
            )),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_come_back() {
        let memory = Memory::default();
        let mut share = memory.take(10).unwrap();
        let other = memory.clone().take(BYTES / 2).unwrap();
        share.grow(BYTES / 2).unwrap();
        share.grow(10).unwrap();
        assert!(memory.take(1).is_err(), "what was taken once counts to the end");
        let refusal = share.grow(BYTES / 2 + 7).unwrap_err();
        assert!(refusal.starts_with("takes 268435463 bytes, and with 268435456 of the run's other lanes"), "{refusal}");
        drop(other);
        share.grow(BYTES).unwrap();
        drop(share);
        assert!(memory.take(BYTES + 1).is_err());
        assert!(memory.take(BYTES).is_ok());
    }
}
