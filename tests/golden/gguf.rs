//! One tiny GGUF file for each way of storing weights, against llama.cpp on
//! the same file, and changes of its bytes that stand for a wrong reading.

use std::fs;
use std::io::Cursor;

use anyhow::{Context, Result};
use candle_core::quantized::gguf_file::Content;
use choreo_host::model::Source;
use safetensors::SafeTensors;

use super::{Placed, check_golden, decoder, difference, folder, forward, golden, single, wide};

/// A golden file, and how llama.cpp computes with it.
struct File {
    name: &'static str,
    layers: u32,
    /// Bytes and weights of a block.
    block: (usize, usize),
    /// By how much of its length rounding moves an input of a product.
    rounding: f64,
}

/// Half a unit in the last place of f16 or bf16, spread evenly.
const F16: f64 = 1.0 / 2048.0 / 1.732;
const BF16: f64 = 1.0 / 256.0 / 1.732;
/// 127 steps from 0 to the greatest of a block, an error of half a step spread
/// evenly; of 32 or 256 normal numbers the greatest is some 2.6 or 3.3.
const BLOCKS_OF_32: f64 = 2.6 / 127.0 / 3.464;
const BLOCKS_OF_256: f64 = 3.3 / 127.0 / 3.464;

const FILES: [File; 8] = [
    File { name: "f32", layers: 2, block: (4, 1), rounding: 0.0 },
    File { name: "f16", layers: 4, block: (2, 1), rounding: F16 },
    File { name: "bf16", layers: 2, block: (2, 1), rounding: BF16 },
    File { name: "q8_0", layers: 2, block: (34, 32), rounding: BLOCKS_OF_32 },
    File { name: "q4_0", layers: 2, block: (18, 32), rounding: BLOCKS_OF_32 },
    File { name: "q4_k", layers: 1, block: (144, 256), rounding: BLOCKS_OF_256 },
    File { name: "q5_k", layers: 1, block: (176, 256), rounding: BLOCKS_OF_256 },
    File { name: "q6_k", layers: 1, block: (210, 256), rounding: BLOCKS_OF_256 },
];

impl File {
    fn golden(&self) -> String {
        format!("gguf/{}", self.name)
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        Ok(fs::read(folder(&self.golden()).join("model.gguf"))?)
    }

    /// How far llama.cpp's logits may be from ours where it rounds the inputs
    /// of products and we do not, of their length: a token's way to its logits
    /// has four products in a row in each layer, and the head; their errors
    /// are independent, and attention as sharp as here makes them greater: 4
    /// times at most, where 1.1 to 2.9 times were measured.
    fn tolerance(&self) -> f64 {
        4.0 * self.rounding * f64::from(4 * self.layers + 1).sqrt() + 1e-4
    }

    /// Logits of llama.cpp on the very file.
    fn rounded(&self) -> Result<Vec<Vec<f64>>> {
        let bytes = fs::read(folder(&self.golden()).join("golden.safetensors"))?;
        let tensors = SafeTensors::deserialize(&bytes)?;
        let logits = tensors.tensor("quantised")?;
        let values: Vec<f64> =
            logits.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect();
        Ok(values.chunks(*logits.shape().last().context("a shape")?).map(<[f64]>::to_vec).collect())
    }

    /// Our logits of a file of these bytes.
    fn logits(&self, bytes: &[u8]) -> Result<Vec<Vec<f32>>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("model.gguf");
        fs::write(&path, bytes)?;
        let tokens = golden(&self.golden())?.tokens;
        let plan = Placed { messages: &[single(&tokens)], extent: 600 }.whole();
        Ok(forward(&mut decoder(Source::open(path)?, 600), &plan))
    }
}

/// Length of the difference, relative to that of what was expected.
fn distance(found: &[Vec<f32>], expected: &[Vec<f64>]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = || found.iter().flatten().zip(expected.iter().flatten());
    let moved: f64 = pairs().map(|(found, expected)| (f64::from(*found) - expected).powi(2)).sum();
    let length: f64 = pairs().map(|(_, expected)| expected.powi(2)).sum();
    (moved / length).sqrt()
}

#[test]
fn files_give_the_logits_of_llama_cpp() -> Result<()> {
    for file in &FILES {
        // Against the same weights in f32, prompt and steps.
        let source = Source::open(folder(&file.golden()).join("model.gguf"))?;
        let moved = check_golden(source, &file.golden())?;
        let rounded = distance(&file.logits(&file.bytes()?)?, &file.rounded()?);
        let File { name, .. } = file;
        let tolerance = file.tolerance();
        println!(
            "{name}: largest difference of logits {moved:.2e} of their scale; \
             from llama.cpp's own with rounded inputs {rounded:.2e} of their length, at most {tolerance:.2e}"
        );
        assert!(rounded <= tolerance, "{name}: {rounded:e}");
    }
    Ok(())
}

/// Reads a file as one that makes a mistake would: `spoil` changes each block
/// of its matrices, or the rows of one, to what would then be read.
#[track_caller]
fn check_mistake(name: &str, mistake: &str, spoil: impl Fn(&str, &mut [u8], &File)) -> Result<()> {
    let file = FILES.iter().find(|file| file.name == name).context("a golden file")?;
    let mut bytes = file.bytes()?;
    // Another reader says where the tensors are.
    let content = Content::read(&mut Cursor::new(&bytes))?;
    let mut spoilt = false;
    for (tensor, info) in &content.tensor_infos {
        let vector = info.shape.dims().len() == 1;
        let (block, weights) = if vector { (4, 1) } else { file.block };
        let start = (content.tensor_data_offset + info.offset) as usize;
        let end = start + info.shape.elem_count() / weights * block;
        let before = bytes[start..end].to_vec();
        spoil(tensor, &mut bytes[start..end], file);
        spoilt |= before != bytes[start..end];
    }
    assert!(spoilt, "{mistake}: nothing changed");
    let found = file.logits(&bytes)?;
    let moved = difference(&found, &wide(&golden(&file.golden())?.logits));
    let rounded = distance(&found, &file.rounded()?);
    assert!(moved > 1e-2, "{name}, {mistake}: {moved:e}");
    assert!(rounded > 2.0 * file.tolerance(), "{name}, {mistake}: {rounded:e}");
    Ok(())
}

/// A mistake in every block of every matrix.
#[track_caller]
fn check_blocks(name: &str, mistake: &str, spoil: impl Fn(&mut [u8])) -> Result<()> {
    check_mistake(name, mistake, |tensor, bytes, file| {
        if !tensor.contains("norm") && !tensor.contains("bias") {
            bytes.chunks_exact_mut(file.block.0).for_each(&spoil);
        }
    })
}

#[test]
fn a_wrong_reading_of_blocks_shows() -> Result<()> {
    check_blocks("f16", "as bf16", |value| {
        let wrong = half::bf16::from_le_bytes([value[0], value[1]]).to_f32();
        value.copy_from_slice(&half::f16::from_f32(wrong).to_le_bytes());
    })?;
    check_blocks("bf16", "as f16", |value| {
        let wrong = half::f16::from_le_bytes([value[0], value[1]]).to_f32();
        value.copy_from_slice(&half::bf16::from_f32(wrong).to_le_bytes());
    })?;
    check_blocks("q8_0", "quants backwards", |block| block[2..].reverse())?;
    check_blocks("q8_0", "no sign", |block| block[2..].iter_mut().for_each(|quant| *quant &= 0x7f))?;
    check_blocks("q4_0", "halves of bytes side by side", |block| {
        let quant = |block: &[u8], i: usize| block[2 + i / 2] >> (i % 2 * 4) & 15;
        let wrong: Vec<u8> = (0..16).map(|i| quant(block, i) | quant(block, i + 16) << 4).collect();
        block[2..].copy_from_slice(&wrong);
    })?;
    for name in ["q4_k", "q5_k"] {
        check_blocks(name, "no minima", |block| block[2..4].fill(0))?;
        check_blocks(name, "no high bits of scales and minima", |block| {
            block[4..12].iter_mut().for_each(|byte| *byte &= 63);
        })?;
        check_blocks(name, "scales for minima", |block| block[4..12].rotate_left(4))?;
    }
    check_blocks("q4_k", "halves of bytes the other way round", |block| {
        block[16..].iter_mut().for_each(|byte| *byte = byte.rotate_left(4));
    })?;
    check_blocks("q5_k", "no fifth bits", |block| block[16..48].fill(0))?;
    check_blocks("q5_k", "fifth bits backwards", |block| {
        block[16..48].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    })?;
    check_blocks("q6_k", "no high bits", |block| block[128..192].fill(0))?;
    check_blocks("q6_k", "high bits backwards", |block| {
        block[128..192].iter_mut().for_each(|byte| *byte = byte.rotate_left(4));
    })?;
    check_blocks("q6_k", "scales in another order", |block| block[192..208].reverse())
}

/// What llama.cpp's converter does to the rows of queries and keys must be undone.
#[test]
fn the_order_of_turning_rows_shows() -> Result<()> {
    for (name, head, width) in [("f32", 16, 64), ("f16", 16, 64), ("q4_k", 64, 256)] {
        check_mistake(name, "rows of queries and keys as they are", |tensor, bytes, file| {
            if !tensor.contains("attn_q.") && !tensor.contains("attn_k.") {
                return;
            }
            let row = width / file.block.1 * file.block.0;
            for head_rows in bytes.chunks_exact_mut(head * row) {
                let rows = head_rows.to_vec();
                for i in 0..head {
                    let from = i % 2 * (head / 2) + i / 2;
                    head_rows[i * row..][..row].copy_from_slice(&rows[from * row..][..row]);
                }
            }
        })?;
    }
    Ok(())
}

#[test]
fn divisors_of_rotary_frequencies_show() -> Result<()> {
    check_mistake("f32", "without them", |tensor, bytes, _| {
        if tensor == "rope_freqs.weight" {
            bytes.as_chunks_mut().0.fill(1f32.to_le_bytes());
        }
    })
}
