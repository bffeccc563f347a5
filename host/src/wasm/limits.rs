//! What a guest may use of the machine, and the account of what it has used.
//!
//! Only time on the processor counts against `cpu`: the meter runs while the
//! guest's future is polled, so a guest that waits in a host call is not charged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use wasmtime::ResourceLimiter;

/// What one run may use of the machine; what it may use of the engine is in
/// [`Budgets`](crate::engine::Budgets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time on the processor in the guest's own code.
    pub cpu: Duration,
    /// Time from the run's start, waiting included.
    pub wall: Duration,
    /// Bytes of linear memory, over all memories of the component.
    pub memory_bytes: u64,
}

impl Default for Limits {
    /// What suits a laptop: an interpreter starts in a second or two and 64 MiB.
    fn default() -> Self {
        Self { cpu: Duration::from_secs(10), wall: Duration::from_secs(600), memory_bytes: 256 << 20 }
    }
}

/// Bytes that one call may carry from the guest to the host.
pub(super) const CALL_BYTES: usize = 8 << 20;
/// Handles that a guest may hold at once.
pub(super) const HANDLES: usize = 4096;
/// Core instances in a component: interpreters come in up to 16.
const INSTANCES: usize = 64;
/// Linear memories in a component.
const MEMORIES: usize = 16;
/// Tables in a component.
const TABLES: usize = 64;
/// Entries in all tables of a component, 16 bytes each in the host.
const TABLE_ENTRIES: usize = 1 << 20;
/// How long after `wall` a guest is stopped: until then the engine answers
/// "timeout" to its calls, so that it can still give back what it has.
const GRACE: Duration = Duration::from_secs(1);

/// A limit that ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("the plan used {0} ms of processor time, its limit: raise --cpu-ms if it should have more")]
    Cpu(u128),
    #[error("the plan ran {0} ms and did not end when its time was over: raise --wall-ms if it should have more")]
    Wall(u128),
}

/// Measures the guest's time.
///
/// Shared between the store, whose epoch callback asks it, and the future that
/// polls the guest; both live on one thread, so relaxed order is enough.
#[derive(Debug)]
pub(super) struct Meter {
    /// Nanoseconds on the processor up to the last pause.
    spent: AtomicU64,
    /// The thread's processor time when the guest was last resumed.
    resumed: AtomicU64,
    /// Nanoseconds that may be spent.
    allowed: AtomicU64,
    wall: Duration,
    started: Instant,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            spent: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            allowed: AtomicU64::new(nanoseconds(limits.cpu)),
            wall: limits.wall,
            started: Instant::now(),
        }
    }

    /// The guest goes on, on this thread.
    pub(super) fn resume(&self) {
        self.resumed.store(thread_nanoseconds(), Ordering::Relaxed);
    }

    /// The guest has given the thread back.
    pub(super) fn pause(&self) {
        self.spent.store(nanoseconds(self.running()), Ordering::Relaxed);
    }

    /// Time spent so far, while the guest is on this thread.
    fn running(&self) -> Duration {
        let since = thread_nanoseconds().saturating_sub(self.resumed.load(Ordering::Relaxed));
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(since))
    }

    /// Time spent so far, while the guest is not on this thread.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Says whether the running guest must end.
    pub(super) fn check(&self) -> Result<(), Stop> {
        let allowed = Duration::from_nanos(self.allowed.load(Ordering::Relaxed));
        if self.running() > allowed {
            return Err(Stop::Cpu(allowed.as_millis()));
        }
        if self.started.elapsed() > self.wall.saturating_add(GRACE) {
            return Err(self.over());
        }
        Ok(())
    }

    /// When a guest is stopped that has not ended by itself.
    pub(super) fn end(&self) -> Duration {
        self.wall.saturating_add(GRACE).saturating_sub(self.started.elapsed())
    }

    /// The wall limit's stop.
    pub(super) fn over(&self) -> Stop {
        Stop::Wall(self.wall.as_millis())
    }

    /// Milliseconds left to the running guest.
    pub(super) fn left_ms(&self) -> u64 {
        let left = self.allowed.load(Ordering::Relaxed).saturating_sub(nanoseconds(self.running()));
        left / 1_000_000
    }

    /// Leaves the running guest at most so many milliseconds.
    pub(super) fn lower_ms(&self, left: u64) {
        let end = nanoseconds(self.running()).saturating_add(left.saturating_mul(1_000_000));
        self.allowed.fetch_min(end, Ordering::Relaxed);
    }
}

fn thread_nanoseconds() -> u64 {
    nanoseconds(ThreadTime::now().as_duration())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What the guest holds of memory and tables.
#[derive(Debug)]
pub(super) struct Account {
    memory_limit: u64,
    memory: u64,
    table_entries: usize,
    /// The last growth that was refused.
    refused: Option<Refused>,
}

/// A growth that the limits did not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "the plan asked for {} MiB of memory and its limit is {} MiB: raise --memory-mib if it should have more",
        .asked.div_ceil(1 << 20), .limit >> 20
    )]
    Memory { asked: u64, limit: u64 },
    #[error("the plan asked for tables of {0} entries and the limit is {TABLE_ENTRIES}")]
    Table(usize),
}

impl Account {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { memory_limit: limits.memory_bytes, memory: 0, table_entries: 0, refused: None }
    }

    /// Bytes of linear memory held; memories never shrink, so also the most.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// Bytes of linear memory left.
    pub(super) fn left(&self) -> u64 {
        self.memory_limit.saturating_sub(self.memory)
    }

    /// Leaves at most so many bytes.
    pub(super) fn lower(&mut self, left: u64) {
        self.memory_limit = self.memory_limit.min(self.memory.saturating_add(left));
    }

    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Account {
    /// A refusal is told to the guest, as the instruction has it: an
    /// interpreter turns it into an error of its own.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let asked = self.memory.saturating_add(desired.saturating_sub(current) as u64);
        if asked > self.memory_limit {
            self.refused = Some(Refused::Memory { asked, limit: self.memory_limit });
            return Ok(false);
        }
        self.memory = asked;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let asked = self.table_entries.saturating_add(desired.saturating_sub(current));
        if asked > TABLE_ENTRIES {
            self.refused = Some(Refused::Table(asked));
            return Ok(false);
        }
        self.table_entries = asked;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together() {
        let mut account = Account::new(&Limits { memory_bytes: 100, ..Limits::default() });
        assert!(account.memory_growing(0, 60, None).unwrap());
        assert!(!account.memory_growing(0, 41, None).unwrap());
        assert_eq!(account.refused(), Some(Refused::Memory { asked: 101, limit: 100 }));
        assert!(account.memory_growing(60, 100, None).unwrap());
        assert!(!account.memory_growing(100, usize::MAX, None).unwrap());
        assert_eq!((account.memory(), account.left()), (100, 0));
    }

    #[test]
    fn limits_are_lowered_and_never_raised() {
        let limits = Limits { memory_bytes: 100, cpu: Duration::from_secs(3600), ..Limits::default() };
        let mut account = Account::new(&limits);
        account.lower(10);
        account.lower(50);
        assert_eq!(account.left(), 10);
        let meter = Meter::new(&limits);
        meter.resume();
        assert!(meter.left_ms() > 3_000_000);
        meter.lower_ms(1000);
        meter.lower_ms(u64::MAX);
        assert!(meter.left_ms() <= 1000);
        assert_eq!(meter.check(), Ok(()));
    }

    #[test]
    fn only_time_with_the_guest_is_charged() {
        let meter = Meter::new(&Limits { cpu: Duration::from_millis(50), ..Limits::default() });
        let work = || {
            let start = ThreadTime::now();
            while start.elapsed() < Duration::from_millis(60) {}
        };
        work();
        meter.resume();
        assert_eq!(meter.check(), Ok(()));
        meter.pause();
        work();
        assert!(meter.spent() < Duration::from_millis(50));
        meter.resume();
        work();
        assert_eq!(meter.check(), Err(Stop::Cpu(50)));
    }

    #[test]
    fn wall_time_has_a_grace() {
        let meter = Meter::new(&Limits { wall: Duration::ZERO, ..Limits::default() });
        assert_eq!(meter.check(), Ok(()));
        assert!(meter.end() > Duration::ZERO && meter.end() <= GRACE);
    }
}
