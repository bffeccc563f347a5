//! What the guest's world is made of: the state behind its imports.
//!
//! WASI is there for the language runtimes' sake and empty: no files, network,
//! arguments or environment; time and randomness are the same in every run of
//! a seed, so that a plan cannot tell, and cannot depend on, where it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::Live;
use super::limits::{Account, HANDLES, Meter};
use super::log::{Log, LogSink};
use super::output::Output;
use super::recording::{Recorder, Recording};

/// 2000-01-01T00:00:00Z, the only time there is.
const TODAY: Duration = Duration::from_secs(946_684_800);
/// How far each reading moves the monotonic clock: a guest that waits for a
/// second in a loop gets there in a thousand readings.
const TICK: Duration = Duration::from_millis(1);
/// Bytes after which the random source repeats.
const RANDOM_PERIOD: usize = 64 << 10;
/// Random bytes that one call may ask for.
const RANDOM_BYTES: u64 = 1 << 20;

/// The store's data.
pub(super) struct World {
    pub(super) source: Source,
    pub(super) account: Account,
    pub(super) meter: Arc<Meter>,
    pub(super) log: Log,
    /// When the guest first called the host.
    pub(super) first_call: Option<Instant>,
    pub(super) table: ResourceTable,
    wasi: WasiCtx,
}

/// Where the answers to a guest's calls come from.
pub(super) enum Source {
    /// The engine.
    Engine(Live),
    /// The engine, and all is written down.
    Recorded(Live, Recorder),
    /// What was written down.
    Recording(Recording),
}

/// The parts of a world that differ by run.
pub(super) struct WorldParts {
    pub(super) source: Source,
    pub(super) account: Account,
    pub(super) meter: Arc<Meter>,
    pub(super) sink: LogSink,
    pub(super) seed: u64,
    pub(super) output: Output,
}

impl World {
    pub(super) fn new(parts: WorldParts) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let random = random_bytes(parts.seed);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(parts.output.clone())
            .stderr(parts.output)
            .wall_clock(Today)
            .monotonic_clock(Ticks::default())
            .insecure_random_seed(u128::from(parts.seed))
            .secure_random(Deterministic::new(random.clone()))
            .insecure_random(Deterministic::new(random))
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self {
            source: parts.source,
            account: parts.account,
            meter: parts.meter,
            log: Log::new(parts.sink),
            first_call: None,
            table,
            wasi: wasi.build(),
        }
    }

    /// Notes that the guest has called the host.
    pub(super) fn called(&mut self) {
        self.first_call.get_or_insert_with(Instant::now);
    }
}

impl WasiView for World {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Bytes that follow from the seed alone.
fn random_bytes(seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(RANDOM_PERIOD);
    for block in 0u64.. {
        if bytes.len() >= RANDOM_PERIOD {
            break;
        }
        let mut hash = Sha256::new();
        hash.update(b"choreo guest randomness");
        hash.update(seed.to_le_bytes());
        hash.update(block.to_le_bytes());
        bytes.extend_from_slice(&hash.finalize());
    }
    bytes
}

struct Today;

impl HostWallClock for Today {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        TODAY
    }
}

#[derive(Default)]
struct Ticks(AtomicU64);

impl HostMonotonicClock for Ticks {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        let tick = u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(tick, Ordering::Relaxed)
    }
}
