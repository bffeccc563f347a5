//! Writes a GGUF file of random weights in the shape of a published model, or
//! loads one that is there and prints what that took:
//! `cargo run --release --package choreo-tests --bin shape llama-3.1-8b q8_0 FILE`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use choreo_host::chat::Chat;
use choreo_host::model::gguf::SHAPES;
use choreo_host::model::{CacheSize, CacheType, Decoder, Format, LoadOptions, Model, Source};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, format, path] = &arguments[..] else { bail!("usage: shape NAME FORMAT FILE") };
    let names = SHAPES.each_ref().map(|shape| shape.name.as_ref()).join(", ");
    let shape =
        SHAPES.iter().find(|known| known.name == *shape).with_context(|| format!("no shape {shape}, only {names}"))?;
    let format: Format = format.parse().map_err(anyhow::Error::msg)?;
    let path = PathBuf::from(path);
    let begun = Instant::now();
    if !path.exists() {
        shape.write(&path, format, 1).with_context(|| format!("cannot write {}", path.display()))?;
        let bytes = path.metadata()?.len();
        println!("wrote {bytes} bytes in {:.1} s; run this again to load them", begun.elapsed().as_secs_f64());
        return Ok(());
    }
    let source = Source::open(path)?;
    println!("header: {:.3} s", begun.elapsed().as_secs_f64());
    let decoder = Decoder::load(
        &source,
        LoadOptions { cache_size: CacheSize::Tokens(256), cache_type: CacheType::F32, threads: 2 },
    )?;
    println!("and weights: {:.3} s, {}", begun.elapsed().as_secs_f64(), peak());
    let chat = Chat::load(|file| source.read(file))?;
    println!("and tokenizer and chat format: {:.3} s, {}", begun.elapsed().as_secs_f64(), peak());
    println!("{} rows of logits, {} tokens", decoder.shape().vocabulary, chat.vocabulary());
    Ok(())
}

/// The largest resident memory so far, where the system says it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("peak memory unknown".into(), |peak| format!("peak memory {}", peak.trim()))
}
