//! Tensors of a GGUF file: what they are called, how they are stored, where
//! they lie. Numbers of types are those of `ggml_type` in ggml's `ggml.h`.

use std::collections::HashMap;

use super::LoadError;
use super::reader::{Described, Header};
use crate::model::matrix::Format;
use crate::model::weights::Place;

/// What each rotary frequency is divided by, where that is not 1.
pub(in crate::model) const ROTARY_DIVISORS: &str = "rope_freqs.weight";

/// What the products read, for errors.
pub(in crate::model) const SUPPORTED: &str =
    "F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K and Q6_K are supported: fetch the model in one of these";

/// Names of the types that are not read, for errors.
const OTHERS: [(u32, &str); 27] = [
    (3, "Q4_1"),
    (6, "Q5_0"),
    (7, "Q5_1"),
    (9, "Q8_1"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
    (41, "Q1_0"),
    (42, "Q2_0"),
];

/// Parts of a layer: Hugging Face's name and this format's.
const PARTS: [(&str, &str); 13] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    // Gate and up in one, the gate above.
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

/// This format's name of a tensor, from Hugging Face's: `blk.3.attn_q.weight`
/// of `model.layers.3.self_attn.q_proj.weight`. One that it has no name for
/// keeps its own.
pub(in crate::model) fn tensor_name(name: &str) -> String {
    match name {
        "model.embed_tokens.weight" => return "token_embd.weight".into(),
        "model.norm.weight" => return "output_norm.weight".into(),
        "lm_head.weight" => return "output.weight".into(),
        _ => {}
    }
    let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.'));
    let part = layer.and_then(|(number, rest)| Some((number, rest.rsplit_once('.')?)));
    let own = part.and_then(|(number, (part, kind))| {
        let (_, own) = PARTS.iter().find(|(theirs, _)| *theirs == part)?;
        Some(format!("blk.{number}.{own}.{kind}"))
    });
    own.unwrap_or_else(|| name.into())
}

/// Where every tensor is in a file of so many bytes.
///
/// # Errors
/// One whose bytes the file does not have, or whose rows are not whole blocks.
pub(super) fn places(header: &Header, len: u64) -> Result<HashMap<String, Place>, LoadError> {
    let mut places = HashMap::new();
    for tensor in &header.tensors {
        let place = place(header, tensor, len).map_err(|problem| header.metadata.problem(problem))?;
        if places.insert(tensor.name.clone(), place).is_some() {
            return Err(header.metadata.problem(format!("repeats {}: fetch it again", tensor.name)));
        }
    }
    Ok(places)
}

fn place(header: &Header, tensor: &Described, len: u64) -> Result<Place, String> {
    let Described { name, dimensions, kind, offset } = tensor;
    let count = dimensions.iter().try_fold(1u64, |count, dimension| count.checked_mul(*dimension));
    let format = format(*kind);
    // Numbers that are not read take bytes all the same, but who knows how many.
    let (block, block_bytes) = format.as_ref().map_or((1, 0), |format| format.block());
    let row = dimensions.first().copied().unwrap_or(1);
    if !row.is_multiple_of(block as u64) {
        return Err(format!("{name} has rows of {row}, which are not whole blocks of {block}: fetch it again"));
    }
    let bytes = count.map(|count| count / block as u64).and_then(|blocks| blocks.checked_mul(block_bytes as u64));
    let start = header.data.checked_add(*offset);
    let end = start.zip(bytes).and_then(|(start, bytes)| start.checked_add(bytes));
    match (start, end) {
        (Some(start), Some(end)) if end <= len => Ok(Place {
            file: 0,
            shape: dimensions.iter().rev().map(|dimension| *dimension as usize).collect(),
            format,
            bytes: start as usize..end as usize,
        }),
        _ => {
            let what = format!("is cut short: it has {len} bytes, and {name} {dimensions:?} at {offset} goes on");
            Err(format!("{what}: fetch it again"))
        }
    }
}

/// How a type stores numbers, or what it is called.
fn format(kind: u32) -> Result<Format, String> {
    let known = Format::ALL.into_iter().find(|format| number(*format) == kind);
    known.ok_or_else(|| match OTHERS.iter().find(|(number, _)| *number == kind) {
        Some((_, name)) => (*name).into(),
        None => format!("of type {kind}"),
    })
}

/// The number of the type that stores numbers so.
pub(super) fn number(format: Format) -> u32 {
    match format {
        Format::F32 => 0,
        Format::F16 => 1,
        Format::Q4_0 => 2,
        Format::Q8_0 => 8,
        Format::Q4K => 12,
        Format::Q5K => 13,
        Format::Q6K => 14,
        Format::Bf16 => 30,
    }
}
