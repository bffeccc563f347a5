//! SentencePiece's BPE (`tokenizer.ggml.model` "llama"): pieces with scores, `▁`
//! for a space, and a token for each byte of what no piece spells.

use serde_json::{Value, json};

use super::super::metadata::Metadata;
use super::Parts;
use super::vocabulary::{Kind, Vocabulary, unequal};
use crate::model::LoadError;

const SCORES: &str = "tokenizer.ggml.scores";
const STRIPPED: &str = "tokenizer.ggml.remove_extra_whitespaces";
const SPACE: &str = "▁";

pub(super) fn parts(metadata: &Metadata, vocabulary: &Vocabulary<'_>) -> Result<Parts, LoadError> {
    let scores: Vec<f32> = metadata.require(SCORES)?;
    if scores.len() != vocabulary.tokens.len() {
        return Err(unequal(metadata, SCORES, scores.len(), vocabulary.tokens.len()));
    }
    if metadata.find(STRIPPED)?.unwrap_or(false) {
        let text = format!("`{STRIPPED}` is true: texts that lose white space are not supported: use another model");
        return Err(metadata.problem(text));
    }
    let spaced: bool = metadata.find("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let normalizers = if spaced { vec![json!({"type": "Prepend", "prepend": SPACE}), space] } else { vec![space] };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if spaced {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let unknown = match vocabulary.named(metadata, "tokenizer.ggml.unknown_token_id")? {
        Some((_, token)) => vocabulary.id(token).map(|_| token),
        None => vocabulary.first(Kind::Unknown),
    };
    Ok(Parts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocabulary.model(), "merges": merges(vocabulary, &scores),
        }),
        begins: true,
    })
}

/// Every way to join two pieces into a third, best first: by the third one's
/// score, and where that is the same by the lengths of the two, as transformers'
/// conversion of SentencePiece models orders them.
fn merges<'a>(vocabulary: &Vocabulary<'a>, scores: &[f32]) -> Vec<[&'a str; 2]> {
    let normal = |piece: &str| {
        let id = vocabulary.id(piece)?;
        (vocabulary.kinds[id as usize] == Kind::Normal).then_some(id)
    };
    let mut merges = Vec::new();
    for (piece, score) in vocabulary.tokens.iter().zip(scores) {
        if normal(piece).is_none() {
            continue;
        }
        let mut ways: Vec<_> = (1..)
            .zip(piece.char_indices().skip(1))
            .filter_map(|(characters, (at, _))| {
                let (left, right) = piece.split_at(at);
                Some(((normal(left)?, normal(right)?), characters, [left, right]))
            })
            .collect();
        ways.sort_unstable_by_key(|(ids, ..)| *ids);
        let all = piece.chars().count();
        merges.extend(ways.into_iter().map(|(_, left, halves)| ((*score, left, all - left), halves)));
    }
    merges.sort_by(|((a, a_left, a_right), _), ((b, b_left, b_right), _)| {
        b.total_cmp(a).then((b_left, b_right).cmp(&(a_left, a_right)))
    });
    merges.into_iter().map(|(_, halves)| halves).collect()
}
