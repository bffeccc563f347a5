//! How fast a model's forward passes are: tokens of a prompt and of decoded
//! texts each second, as llama.cpp's `llama-bench` counts them.
//! `cargo run --release --package choreo-tests --bin speed FILE [LANES...]`;
//! `RAYON_NUM_THREADS` says how many threads, or all cores.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use std::time::Instant;

use anyhow::{Context, Result};
use choreo_host::cache::{Cache, MessageId, NewMessage, TokenId, Wanted, Work, Yielding};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use cpu_time::ProcessTime;

/// Tokens of a prompt, and how many of them go through the model together.
const PROMPT: u32 = 512;
const STEP_ROWS: u32 = 256;
/// Tokens of each decoded text.
const DECODED: u32 = 32;
/// Times that each is measured; the best counts.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("usage: speed FILE [LANES...]")?;
    let lanes: Vec<u32> = arguments.map(|lanes| lanes.parse().context("LANES: a number")).collect::<Result<_>>()?;
    let threads = std::env::var("RAYON_NUM_THREADS").ok().and_then(|threads| threads.parse().ok());
    let threads = threads.unwrap_or(std::thread::available_parallelism()?.get());
    let options = LoadOptions { cache_size: CacheSize::Tokens(4096), cache_type: CacheType::F32, threads };
    let mut model = Decoder::load(&Source::open(path.into())?, options)?;
    println!(
        "{threads} threads; the best of {ROUNDS}; tokens/s by the clock, and by the processor's time on one thread"
    );
    report("prompt of 512 tokens", PROMPT, || prompt(&mut model))?;
    for lanes in if lanes.is_empty() { vec![1] } else { lanes } {
        report(&format!("32 tokens decoded in {lanes} lanes"), DECODED * lanes, || decode(&mut model, lanes))?;
    }
    Ok(())
}

/// Measures and prints.
fn report(what: &str, tokens: u32, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let (mut best, mut least) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (begun, used) = (Instant::now(), ProcessTime::now());
        work()?;
        best = best.min(begun.elapsed().as_secs_f64());
        least = least.min(used.elapsed().as_secs_f64());
    }
    println!("{what:<32} {:>9.1} tokens/s {:>9.1}", f64::from(tokens) / best, f64::from(tokens) / least);
    Ok(())
}

/// A prompt, and the logits after it.
fn prompt(model: &mut Decoder) -> Result<()> {
    let mut cache = Cache::new(4096, None).unwrap();
    let message = add(&mut cache, PROMPT, PROMPT);
    for start in (0..PROMPT).step_by(STEP_ROWS as usize) {
        let wanted = if start + STEP_ROWS < PROMPT { Wanted::Encoding } else { Wanted::Logits };
        step(model, &mut cache, &[message], STEP_ROWS, wanted)?;
    }
    Ok(())
}

/// Texts that begin with a token of their own.
fn decode(model: &mut Decoder, lanes: u32) -> Result<()> {
    let mut cache = Cache::new(4096, None).unwrap();
    let messages: Vec<MessageId> = (0..lanes).map(|_| add(&mut cache, 1, DECODED)).collect();
    for _ in 0..DECODED {
        step(model, &mut cache, &messages, 1, Wanted::Logits)?;
        for message in &messages {
            cache.append(*message, &[TokenId(31)]);
        }
    }
    Ok(())
}

/// A message of so many tokens, with room for more.
fn add(cache: &mut Cache, count: u32, capacity: u32) -> MessageId {
    let tokens = (0..count).map(|token| TokenId(token % 200 + 20)).collect();
    cache.insert(NewMessage { tokens, parents: Vec::new(), offset: 0, capacity: capacity + 1, tenant: None })
}

/// Some tokens of each message through the model.
fn step(model: &mut Decoder, cache: &mut Cache, messages: &[MessageId], tokens: u32, wanted: Wanted) -> Result<()> {
    let mut work = Vec::new();
    for message in messages {
        cache.fill(*message, Yielding::Released).unwrap();
        work.push(Work { message: *message, tokens, wanted });
    }
    let plan = cache.plan(&work);
    model.forward(&plan)?;
    cache.commit(&plan);
    Ok(())
}
