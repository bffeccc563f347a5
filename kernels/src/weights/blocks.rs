//! What ggml's quantised blocks stand for. The layouts are facts of ggml's
//! `ggml-common.h`, the numbers those of `dequantize_row_*` in `ggml-quants.c`.
//!
//! Each is written once, for every level: loops over arrays of known lengths,
//! which the compiler turns into whatever the level has. Multiplication and
//! addition are never fused, so levels cannot differ.

use super::Weights;

/// Weights of a block of the older formats.
pub(super) const SMALL: usize = 32;
/// Weights of a block of the K formats.
pub(super) const LARGE: usize = 256;

/// Writes quantised weights; `wide` makes a scale `f32`. `out` must be as long.
#[inline(always)]
pub(super) fn widen<Wide: Fn([u8; 2]) -> f32>(weights: Weights<'_>, wide: Wide, out: &mut [f32]) {
    match weights {
        Weights::Q8_0(blocks) => each(blocks, &wide, out, q8_0),
        Weights::Q4_0(blocks) => each(blocks, &wide, out, q4_0),
        Weights::Q4K(blocks) => each(blocks, &wide, out, q4_k),
        Weights::Q5K(blocks) => each(blocks, &wide, out, q5_k),
        Weights::Q6K(blocks) => each(blocks, &wide, out, q6_k),
        Weights::F32(_) | Weights::F16(_) | Weights::Bf16(_) => unreachable!("these have no blocks"),
    }
}

/// The body is a function, not a closure: only what is always inlined is
/// compiled for the level of the caller.
#[inline(always)]
fn each<const BYTES: usize, const LEN: usize, Wide>(
    blocks: &[[u8; BYTES]],
    wide: &Wide,
    out: &mut [f32],
    body: impl Fn(&[u8; BYTES], &Wide, &mut [f32; LEN]),
) {
    for (block, out) in blocks.iter().zip(out.as_chunks_mut().0) {
        body(block, wide, out);
    }
}

/// Scale; 32 signed quants.
#[inline(always)]
fn q8_0(block: &[u8; 34], wide: &impl Fn([u8; 2]) -> f32, out: &mut [f32; SMALL]) {
    let [low, high, quants @ ..] = block;
    let scale = wide([*low, *high]);
    // Made in registers and then written, eight at a time: the compiler does
    // not see that the output is none of the input.
    for (out, quants) in out.as_chunks_mut::<8>().0.iter_mut().zip(quants.as_chunks::<8>().0) {
        out.copy_from_slice(&quants.map(|quant| f32::from(quant as i8) * scale));
    }
}

/// Scale; 16 bytes, byte i with quant i in its low half and quant 16 + i in the
/// high one, each 8 too great.
#[inline(always)]
fn q4_0(block: &[u8; 18], wide: &impl Fn([u8; 2]) -> f32, out: &mut [f32; SMALL]) {
    let [low, high, quants @ ..] = block;
    let scale = wide([*low, *high]);
    let (first, second) = out.split_at_mut(SMALL / 2);
    first.copy_from_slice(&quants.map(|byte| f32::from((byte & 15) as i8 - 8) * scale));
    second.copy_from_slice(&quants.map(|byte| f32::from((byte >> 4) as i8 - 8) * scale));
}

/// Scale of scales; scale of minima; 12 bytes of both; 128 bytes, of which each
/// 32 hold 64 quants: a run of 32 in the low halves, the next in the high ones.
#[inline(always)]
fn q4_k(block: &[u8; 144], wide: &impl Fn([u8; 2]) -> f32, out: &mut [f32; LARGE]) {
    let (head, quants) = block.split_at(16);
    let ramps = ramps(head, wide);
    let (outs, _) = out.as_chunks_mut::<32>();
    let (quants, _) = quants.as_chunks::<32>();
    for (number, out) in outs.iter_mut().enumerate() {
        let (scale, minimum) = ramps[number];
        let shift = number % 2 * 4;
        for (out, byte) in out.iter_mut().zip(&quants[number / 2]) {
            *out = scale * f32::from(byte >> shift & 15) - minimum;
        }
    }
}

/// Like [`q4_k`], with 32 bytes before the quants: bit n of byte i is the
/// fifth bit of quant i in run n.
#[inline(always)]
fn q5_k(block: &[u8; 176], wide: &impl Fn([u8; 2]) -> f32, out: &mut [f32; LARGE]) {
    let (head, quants) = block.split_at(16);
    let ramps = ramps(head, wide);
    let (outs, _) = out.as_chunks_mut::<32>();
    let (quants, _) = quants.as_chunks::<32>();
    let (fifths, quants) = (&quants[0], &quants[1..]);
    for (number, out) in outs.iter_mut().enumerate() {
        let (scale, minimum) = ramps[number];
        let shift = number % 2 * 4;
        for ((out, byte), fifth) in out.iter_mut().zip(&quants[number / 2]).zip(fifths) {
            *out = scale * f32::from(byte >> shift & 15 | (fifth >> number & 1) << 4) - minimum;
        }
    }
}

/// 128 bytes with the low four bits; 64 bytes with the high two; 16 signed
/// scales, one for each 16 quants; the scale of scales. Quants are 32 too
/// great. Each half of a block is four runs of 32: low halves of the first 32
/// bytes, of the second, then the high halves of both; run n of them has its
/// high bits at bit 2n.
#[inline(always)]
fn q6_k(block: &[u8; 210], wide: &impl Fn([u8; 2]) -> f32, out: &mut [f32; LARGE]) {
    let (lows, rest) = block.split_at(128);
    let (highs, rest) = rest.split_at(64);
    let (scales, all) = rest.split_at(16);
    let all = wide([all[0], all[1]]);
    let scales: [f32; 16] = std::array::from_fn(|part| all * f32::from(scales[part] as i8));
    let halves = lows.as_chunks::<64>().0.iter().zip(highs.as_chunks::<32>().0).zip(scales.as_chunks::<8>().0);
    for (out, ((lows, highs), scales)) in out.as_chunks_mut::<128>().0.iter_mut().zip(halves) {
        let (lows, _) = lows.as_chunks::<32>();
        let (outs, _) = out.as_chunks_mut::<32>();
        run_of_six::<0, 0>(&lows[0], highs, &scales[0..2], &mut outs[0]);
        run_of_six::<0, 2>(&lows[1], highs, &scales[2..4], &mut outs[1]);
        run_of_six::<4, 4>(&lows[0], highs, &scales[4..6], &mut outs[2]);
        run_of_six::<4, 6>(&lows[1], highs, &scales[6..8], &mut outs[3]);
    }
}

/// Quants of a run: four bits at `LOW`, two at `HIGH`.
#[inline(always)]
fn run_of_six<const LOW: u32, const HIGH: u32>(lows: &[u8; 32], highs: &[u8; 32], scales: &[f32], out: &mut [f32; 32]) {
    for (i, (out, (low, high))) in out.iter_mut().zip(lows.iter().zip(highs)).enumerate() {
        let quant = low >> LOW & 15 | (high >> HIGH & 3) << 4;
        *out = scales[i / 16] * f32::from(quant as i8 - 32);
    }
}

/// Scale and minimum of each of eight runs, from a block's first 16 bytes: two
/// halves, by which 6-bit scales and minima are multiplied. Of the 12 bytes,
/// the first four hold the scales of runs 0 to 3, the next four their minima,
/// each in six bits; the last four hold the low four bits of runs 4 to 7, and
/// their high two bits are the top of the first eight bytes.
#[inline(always)]
fn ramps(head: &[u8], wide: &impl Fn([u8; 2]) -> f32) -> [(f32, f32); 8] {
    let (scale, minimum) = (wide([head[0], head[1]]), wide([head[2], head[3]]));
    let bytes = &head[4..16];
    std::array::from_fn(|run| {
        let (of_scale, of_minimum) = match run {
            0..4 => (bytes[run] & 63, bytes[run + 4] & 63),
            _ => (bytes[run + 4] & 15 | bytes[run - 4] >> 6 << 4, bytes[run + 4] >> 4 | bytes[run] >> 6 << 4),
        };
        (scale * f32::from(of_scale), minimum * f32::from(of_minimum))
    })
}
