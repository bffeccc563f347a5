//! What the kernels reach on this machine:
//! `cargo run --release -p choreo-kernels --example speed`, with
//! `RAYON_NUM_THREADS` to say how many threads; words after `--` choose what
//! is measured.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use choreo_kernels::{
    Attention, Block, HeadShape, Kernels, Narrow, Normalise, Product, RotaryTable, Rows, Span, Weights,
};

fn main() {
    let kernels = Kernels::detect();
    println!("{:?}, {} threads; a multiply-add is two operations", kernels.level(), rayon::current_num_threads());
    for (rows, outputs, width) in [
        (1, 65536, 1024),
        (1, 2048, 2048),
        (1, 1024, 1024),
        (1, 512, 512),
        (1, 512, 160),
        (2, 1024, 1024),
        (3, 1024, 1024),
        (4, 1024, 1024),
        (2, 65536, 1024),
        (4, 65536, 1024),
        (8, 65536, 1024),
        (12, 65536, 1024),
        (16, 65536, 1024),
        (24, 65536, 1024),
        (16, 1024, 1024),
        (64, 1024, 1024),
        (256, 1024, 1024),
        (256, 4096, 2048),
        (16, 1024, 2048),
        (16, 1024, 4096),
        (16, 512, 8192),
        (128, 512, 160),
    ] {
        let weights = filled(outputs * width);
        let halves: Vec<[u8; 2]> = weights.iter().map(|value| half::f16::from_f32(*value).to_le_bytes()).collect();
        product(kernels, (rows, outputs, width), "f32", Weights::F32(&weights));
        product(kernels, (rows, outputs, width), "f16", Weights::F16(&halves));
        product(kernels, (rows, outputs, width), "bf16", Weights::Bf16(&halves));
        // Bytes that are also scales of normal size: others take longer.
        let shape = (rows, outputs, width);
        product(kernels, shape, "q8_0", Weights::Q8_0(&vec![[0x2c; 34]; outputs * width / 32]));
        product(kernels, shape, "q4_0", Weights::Q4_0(&vec![[0x2c; 18]; outputs * width / 32]));
        if width.is_multiple_of(256) {
            product(kernels, shape, "q4_k", Weights::Q4K(&vec![[0x2c; 144]; outputs * width / 256]));
            product(kernels, shape, "q5_k", Weights::Q5K(&vec![[0x2c; 176]; outputs * width / 256]));
            product(kernels, shape, "q6_k", Weights::Q6K(&vec![[0x2c; 210]; outputs * width / 256]));
        }
    }
    for shape in SHAPES {
        for pool in [1_000, 32_000] {
            decode(kernels, shape, pool);
        }
        lanes(kernels, shape);
        shared(kernels, shape, 4);
        shared(kernels, shape, 16);
        prefill(kernels, shape, 32);
        prefill(kernels, shape, 512);
    }
    pointwise(kernels);
}

/// The best of many runs.
fn best(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    let mut best = Duration::MAX;
    while start.elapsed() < Duration::from_millis(400) {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

/// Measures and prints, where the command line names it or nothing at all.
/// `count` is in billionths of the unit.
fn report(what: &str, (count, unit): (usize, &str), work: impl FnMut()) {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some() && !words.any(|word| what.contains(&word)) {
        return;
    }
    let seconds = best(work).as_secs_f64();
    let rate = count as f64 / seconds / 1e9;
    println!("{what:<58} {:>9.1} µs {rate:>7.2} {unit}", seconds * 1e6);
}

fn filled(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect()
}

fn product(kernels: Kernels, (rows, outputs, width): (usize, usize, usize), format: &str, weights: Weights<'_>) {
    let inputs = filled(rows * width);
    let mut out = vec![0.0; rows * outputs];
    let call = Product { rows, outputs, width, inputs: &inputs, weights };
    report(
        &format!("product, m = {rows}, n = {outputs}, k = {width}, {format}"),
        (2 * rows * outputs * width, "GFLOP/s"),
        || kernels.product(black_box(&call), &mut out),
    );
}

/// Heads as in Llama-3.2-1B, as in SmolLM2-135M, and one group that stays in cache.
const SHAPES: [HeadShape; 3] = [
    HeadShape { heads: 32, kv_heads: 8, head_dim: 64 },
    HeadShape { heads: 9, kv_heads: 3, head_dim: 64 },
    HeadShape { heads: 4, kv_heads: 1, head_dim: 64 },
];

fn table() -> RotaryTable {
    let mut table = RotaryTable::new(64, (0..32).map(|j| 1e4f64.powf(-f64::from(j) / 32.0)).collect());
    table.ensure(4096);
    table
}

/// One new row that sees 1,000 tokens in ten messages spread over the pool.
fn decode(kernels: Kernels, shape: HeadShape, pool: usize) {
    let mut spans: Vec<Span> =
        (0..10).map(|i| Span { slot: (i * pool / 10) as u32, index: 0, len: 100, offset: 100 * i as i32 }).collect();
    if let Some(last) = spans.last_mut() {
        last.slot = pool as u32 - 100;
    }
    let block = Block { rows: 0..1, first_index: 99, offset: 900, seen: 0..9, own: 9..10 };
    attention(kernels, shape, &format!("decode over 1,000 tokens, pool of {pool}"), (pool, &spans, &[block]));
}

/// New rows of sixteen messages, each of which sees 2,000 tokens of its own.
fn lanes(kernels: Kernels, shape: HeadShape) {
    let spans: Vec<Span> = (0..16).map(|i| Span { slot: i * 2000, index: 0, len: 2000, offset: 0 }).collect();
    let block = |i| Block { rows: i..i + 1, first_index: 1999, offset: 0, seen: 0..0, own: i..i + 1 };
    let blocks: Vec<Block> = (0..16).map(block).collect();
    attention(kernels, shape, "decode of 16 lanes over 2,000 tokens each", (32_000, &spans, &blocks));
}

/// New rows of as many messages, which all see the same 2,000 tokens.
fn shared(kernels: Kernels, shape: HeadShape, lanes: usize) {
    let mut spans = vec![Span { slot: 0, index: 0, len: 2000, offset: 0 }];
    spans.extend((0..lanes as u32).map(|i| Span { slot: 2000 + i, index: 0, len: 1, offset: 2000 }));
    let block = |i| Block { rows: i..i + 1, first_index: 0, offset: 2000, seen: 0..1, own: 1 + i..2 + i };
    let blocks: Vec<Block> = (0..lanes).map(block).collect();
    attention(kernels, shape, &format!("decode of {lanes} lanes over the same 2,000 tokens"), (2016, &spans, &blocks));
}

/// New rows that see 512 tokens and themselves.
fn prefill(kernels: Kernels, shape: HeadShape, rows: usize) {
    let spans = [Span { slot: 0, index: 0, len: 512, offset: 0 }, Span { slot: 512, index: 0, len: 512, offset: 512 }];
    let block = Block { rows: 0..rows, first_index: 0, offset: 512, seen: 0..1, own: 1..2 };
    attention(kernels, shape, &format!("prefill of {rows} rows after 512 tokens"), (1024, &spans, &[block]));
}

fn attention(kernels: Kernels, shape: HeadShape, what: &str, (pool, spans, blocks): (usize, &[Span], &[Block])) {
    let HeadShape { heads, kv_heads, head_dim } = shape;
    let mut seen = 0;
    for block in blocks {
        let parents: usize = spans[block.seen.clone()].iter().map(|span| span.len as usize).sum();
        seen += (1..=block.rows.len()).map(|row| parents + block.first_index as usize + row).sum::<usize>();
    }
    let (keys, values) = (filled(pool * kv_heads * head_dim), filled(pool * kv_heads * head_dim));
    let queries = filled(blocks.iter().map(|block| block.rows.len()).sum::<usize>() * heads * head_dim);
    let mut out = vec![0.0; queries.len()];
    let rotary = table();
    let operations = 4 * seen * heads * head_dim;
    for numbers in [None, Some(Narrow::Bf16), Some(Narrow::F16), Some(Narrow::Q8)] {
        let rounded = |rows: &[f32]| {
            let mut bytes = vec![0; numbers.map_or(0, |numbers| rows.len() / head_dim * numbers.bytes(head_dim))];
            numbers.inspect(|numbers| kernels.narrow(*numbers, head_dim, rows, &mut bytes));
            bytes
        };
        let (key_bytes, value_bytes) = (rounded(&keys), rounded(&values));
        let rows = |all, bytes| numbers.map_or(Rows::F32(all), |numbers| Rows::Narrow(numbers, bytes));
        let call = Attention {
            shape,
            scale: 0.125,
            window: None,
            queries: &queries,
            keys: rows(&keys, &key_bytes),
            values: rows(&values, &value_bytes),
            blocks,
            spans,
        };
        let name = numbers.map_or("f32".into(), |numbers| format!("{numbers:?}").to_lowercase());
        report(&format!("{what}, {heads}/{kv_heads} heads of {head_dim}, {name}"), (operations, "GFLOP/s"), || {
            kernels.attend(black_box(&call), &rotary, &mut out)
        });
    }
}

fn pointwise(kernels: Kernels) {
    let (gate, up) = (filled(1 << 16), filled(1 << 16));
    let mut out = vec![0.0; 1 << 16];
    let values = (1 << 16, "G values/s");
    report("silu_gate", values, || {
        kernels.silu_gate(&gate, black_box(&up), &mut out);
    });
    let call = Normalise { rows: &gate, weight: &up[..2048], epsilon: 1e-5 };
    report("normalise", values, || {
        kernels.normalise(black_box(&call), &mut out);
    });
    let rotary = table();
    report("rotate_rows", values, || {
        kernels.rotate_rows(&rotary, &gate, black_box(&[7; 32]), &mut out);
    });
}
