//! What a careless or hostile plan does to its host.

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use choreo_guest::{Outcome, Prefill, prefill, prefill_all};

const MEBIBYTE: usize = 1 << 20;

pub(crate) fn spin() -> ! {
    let mut turns: u64 = 0;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Takes memory until it is refused, and says how much there was.
pub(crate) fn grow() -> Outcome {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(MEBIBYTE).is_err() {
            return Ok(format!("refused after {} MiB", taken.len()));
        }
        block.push(1);
        taken.push(block);
    }
}

/// Panics three calls deep, in functions whose names the backtrace should show.
#[inline(never)]
pub(crate) fn trap() -> Outcome {
    Ok(trap_middle(black_box(1)).to_string())
}

#[inline(never)]
fn trap_middle(depth: u32) -> u32 {
    black_box(trap_innermost(depth + 1)) + 1
}

#[inline(never)]
fn trap_innermost(depth: u32) -> u32 {
    assert!(depth == 0, "trapped as asked, at depth {depth}");
    depth
}

pub(crate) fn recurse() -> Outcome {
    Ok(descend(black_box(1)).to_string())
}

/// Neither a tail call nor a sum that could become a loop.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 {
        return 1;
    }
    (descend(depth + 1) ^ depth).wrapping_mul(depth | 1)
}

#[expect(clippy::print_stdout, reason = "the host has to bear it")]
pub(crate) fn print() -> Outcome {
    println!("printed to standard output");
    eprintln!("printed to standard error");
    Ok("printed".into())
}

/// Prints so many MiB.
#[expect(clippy::print_stdout, reason = "the host has to bear it")]
pub(crate) fn flood(mebibytes: u32) -> Outcome {
    let line = "x".repeat(1023);
    for _ in 0..u64::from(mebibytes) * 1024 {
        println!("{line}");
    }
    Ok(format!("{mebibytes} MiB printed"))
}

/// Sleeps so many milliseconds by WASI's clock.
pub(crate) fn nap(milliseconds: u32) -> Outcome {
    std::thread::sleep(Duration::from_millis(milliseconds.into()));
    Ok("rested".into())
}

pub(crate) fn exit() -> ! {
    std::process::exit(3)
}

/// Nanoseconds of both clocks, a random number, the environment and the folder `/`.
pub(crate) fn clock() -> Outcome {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let start = Instant::now();
    let random = RandomState::new().hash_one(0);
    let variables = std::env::vars().count();
    let folder = std::fs::read_dir("/").map_or_else(|e| e.kind().to_string(), |_| "readable".into());
    Ok(format!(
        "wall {}\nelapsed {}\nrandom {random}\nvariables {variables}\nfolder {folder}",
        wall.as_nanos(),
        start.elapsed().as_nanos(),
    ))
}

/// One list that is larger than any host should copy.
pub(crate) fn big_list(kind: &str) -> Outcome {
    let calls: Vec<Prefill> = match kind {
        "text" => vec![prefill("a ".repeat(16 * MEBIBYTE))],
        "calls" => vec![prefill(""); MEBIBYTE / 4],
        "parents" => vec![prefill("a").after((1..4_000_000).map(choreo_guest::Message::from))],
        other => return Err(format!("no list is called {other:?}: text, calls or parents").into()),
    };
    let messages = prefill_all(calls)?;
    Ok(format!("{} messages", messages.len()))
}

/// As many of the cheapest calls as asked, for timing.
/// Keeps all it gets, as a program does that was never told of a limit.
pub(crate) fn hoard() -> Outcome {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1u8; 1 << 20]);
        std::hint::black_box(&kept);
    }
}

pub(crate) fn many_calls(count: u32) -> Outcome {
    let message = prefill("one").send()?;
    let mut bytes = 0;
    for _ in 0..count {
        bytes += message.text()?.len();
    }
    Ok(format!("{count} calls, {bytes} bytes"))
}
