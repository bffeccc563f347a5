//! What the kernels reach on this machine:
//! `cargo run --release -p choreo-kernels --example speed`, with
//! `RAYON_NUM_THREADS` to say how many threads.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use choreo_kernels::{Attention, Block, HeadShape, Kernels, Normalise, Product, RotaryTable, Span};

fn main() {
    let kernels = Kernels::detect();
    println!(
        "{:?}, {} threads; a multiply-add is two operations",
        kernels.level(),
        rayon::current_num_threads()
    );
    for (rows, outputs, width) in [
        (1, 2048, 2048),
        (1, 1024, 1024),
        (1, 512, 512),
        (1, 512, 160),
        (2, 1024, 1024),
        (3, 1024, 1024),
        (4, 1024, 1024),
        (16, 1024, 1024),
        (256, 1024, 1024),
        (256, 4096, 2048),
        (128, 512, 160),
    ] {
        product(kernels, rows, outputs, width);
    }
    for pool in [1_000, 32_000] {
        decode(kernels, pool);
    }
    prefill(kernels);
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

fn report(what: &str, multiply_adds: usize, time: Duration) {
    let rate = 2.0 * multiply_adds as f64 / time.as_secs_f64() / 1e9;
    println!(
        "{what:<58} {:>9.1} µs {rate:>7.1} GFLOP/s",
        time.as_secs_f64() * 1e6
    );
}

fn filled(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0)
        .collect()
}

fn product(kernels: Kernels, rows: usize, outputs: usize, width: usize) {
    let (inputs, weights) = (filled(rows * width), filled(outputs * width));
    let mut out = vec![0.0; rows * outputs];
    let call = Product {
        rows,
        outputs,
        width,
        inputs: &inputs,
        weights: &weights,
    };
    let time = best(|| kernels.product(black_box(&call), &mut out));
    report(
        &format!("product, m = {rows}, n = {outputs}, k = {width}"),
        rows * outputs * width,
        time,
    );
}

const SHAPE: HeadShape = HeadShape {
    heads: 32,
    kv_heads: 8,
    head_dim: 64,
};

fn table() -> RotaryTable {
    let mut table = RotaryTable::new((0..32).map(|j| 1e4f64.powf(-f64::from(j) / 32.0)).collect());
    table.ensure(4096);
    table
}

/// One new row that sees 1,000 tokens in ten messages spread over the pool.
fn decode(kernels: Kernels, pool: usize) {
    let mut spans: Vec<Span> = (0..10)
        .map(|i| Span {
            slot: (i * pool / 10) as u32,
            index: 0,
            len: 100,
            offset: 100 * i as i32,
        })
        .collect();
    if let Some(last) = spans.last_mut() {
        last.slot = pool as u32 - 100;
    }
    let block = Block {
        rows: 0..1,
        first_index: 99,
        offset: 900,
        seen: 0..9,
        own: 9..10,
    };
    attention(
        kernels,
        &format!("decode over 1,000 tokens, pool of {pool}"),
        (pool, &spans, &block),
    );
}

/// 512 new rows that see 512 tokens and themselves.
fn prefill(kernels: Kernels) {
    let spans = [
        Span {
            slot: 0,
            index: 0,
            len: 512,
            offset: 0,
        },
        Span {
            slot: 512,
            index: 0,
            len: 512,
            offset: 512,
        },
    ];
    let block = Block {
        rows: 0..512,
        first_index: 0,
        offset: 512,
        seen: 0..1,
        own: 1..2,
    };
    attention(
        kernels,
        "prefill of 512 rows after 512 tokens",
        (1024, &spans, &block),
    );
}

fn attention(kernels: Kernels, what: &str, (pool, spans, block): (usize, &[Span], &Block)) {
    let HeadShape {
        heads,
        kv_heads,
        head_dim,
    } = SHAPE;
    let rows = block.rows.len();
    let seen: usize = spans[block.seen.clone()]
        .iter()
        .map(|span| span.len as usize)
        .sum();
    let own: usize = (0..rows)
        .map(|row| block.first_index as usize + row + 1)
        .sum();
    let (keys, values) = (
        filled(pool * kv_heads * head_dim),
        filled(pool * kv_heads * head_dim),
    );
    let queries = filled(rows * heads * head_dim);
    let mut out = vec![0.0; queries.len()];
    let call = Attention {
        shape: SHAPE,
        scale: 0.125,
        queries: &queries,
        keys: &keys,
        values: &values,
        blocks: std::slice::from_ref(block),
        spans,
    };
    let rotary = table();
    let time = best(|| kernels.attend(black_box(&call), &rotary, &mut out));
    report(
        &format!("{what}, {heads}/{kv_heads} heads of {head_dim}"),
        (rows * seen + own) * heads * head_dim * 2,
        time,
    );
}

fn pointwise(kernels: Kernels) {
    let (gate, up) = (filled(1 << 16), filled(1 << 16));
    let mut out = vec![0.0; 1 << 16];
    let time = best(|| kernels.silu_gate(&gate, black_box(&up), &mut out));
    println!(
        "silu_gate: {:.2} ns a value",
        time.as_secs_f64() * 1e9 / 65536.0
    );
    let call = Normalise {
        rows: &gate,
        weight: &up[..2048],
        epsilon: 1e-5,
    };
    let time = best(|| kernels.normalise(black_box(&call), &mut out));
    println!(
        "normalise: {:.2} ns a value",
        time.as_secs_f64() * 1e9 / 65536.0
    );
    let rotary = table();
    let time = best(|| kernels.rotate_rows(&rotary, &gate, black_box(&[7; 32]), &mut out));
    println!(
        "rotate_rows: {:.2} ns a value",
        time.as_secs_f64() * 1e9 / 65536.0
    );
}
