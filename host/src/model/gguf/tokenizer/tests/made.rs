//! Small tokenizers, trained here, and as llama.cpp's converter writes them.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};
use tokenizers::Tokenizer;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::BpeTrainer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::super::super::metadata::{Metadata, Value};
use super::texts::Texts;

/// What control and user-defined tokens the byte-level ones have.
const CONTROL: [&str; 3] = ["<|begin|>", "<|end|>", "<think>"];
const TOKENS: usize = 900;

/// A tokenizer, as both sides have it.
pub(super) struct Made {
    file: Json,
    model: &'static str,
    splits: &'static str,
    pub(super) tokens: Vec<String>,
    /// ggml's numbers.
    pub(super) kinds: Vec<i64>,
}

impl Made {
    pub(super) fn hugging_face(&self) -> Tokenizer {
        Tokenizer::from_bytes(self.file.to_string()).unwrap()
    }

    pub(super) fn added(&self) -> usize {
        self.file["added_tokens"].as_array().unwrap().len()
    }

    /// Keys and values of its GGUF file.
    pub(super) fn values(&self) -> HashMap<String, Value> {
        let text = |text: &str| Value::Text(text.into());
        let merges = self.file["model"]["merges"].as_array().unwrap().iter().map(|merge| match merge {
            Json::Array(halves) => format!("{} {}", halves[0].as_str().unwrap(), halves[1].as_str().unwrap()),
            merge => merge.as_str().unwrap().to_owned(),
        });
        // SentencePiece gives the piece that was found first the highest score.
        let score = |(id, kind): (usize, &i64)| if *kind == 1 { -(id as f64) } else { 0.0 };
        let mut values = HashMap::from([
            ("model", text(self.model)),
            ("tokens", Value::List(self.tokens.iter().map(|token| text(token)).collect())),
            ("token_type", Value::List(self.kinds.iter().map(|kind| Value::Signed(*kind)).collect())),
            ("bos_token_id", Value::Unsigned(if self.model == "llama" { 1 } else { 0 })),
        ]);
        if self.model == "llama" {
            let scores = self.kinds.iter().enumerate().map(score).map(Value::Float);
            values.extend([
                ("pre", text("default")),
                ("scores", Value::List(scores.collect())),
                ("unknown_token_id", Value::Unsigned(0)),
            ]);
        } else {
            values.extend([("pre", text(self.splits)), ("merges", Value::List(merges.map(Value::Text).collect()))]);
        }
        values.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)).collect()
    }
}

/// The file of a tokenizer, with some values replaced.
pub(super) fn metadata(made: &Made, changed: &[(&str, Value)]) -> Metadata {
    let mut values = made.values();
    values.extend(changed.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    Metadata::new("made.gguf", values)
}

/// Trains a tokenizer's merges on texts of this repository and on drawn ones.
fn train(mut file: Json, tokens: usize, alphabet: bool) -> Json {
    file["added_tokens"] = json!([]);
    let mut tokenizer = Tokenizer::from_bytes(file.to_string()).unwrap();
    let letters: HashSet<char> = if alphabet { ByteLevel::alphabet().into_iter().collect() } else { HashSet::new() };
    let trainer = BpeTrainer::builder().vocab_size(tokens).show_progress(false).initial_alphabet(letters);
    let written = [
        include_str!("../../../../../../README.md"),
        include_str!("../../../../chat/format.rs"),
        include_str!("texts.rs"),
    ];
    let lines = written.iter().flat_map(|text| text.split_inclusive('\n')).map(str::to_owned);
    let lines = lines.chain(Texts::new(1).take(500));
    tokenizer.train(&mut TrainerWrapper::from(trainer.build()), lines).unwrap();
    serde_json::to_value(&tokenizer).unwrap()
}

/// `added_tokens`, the first tokens of all.
fn added(names: &[&str]) -> Json {
    let token = |(id, name): (usize, &&str)| {
        json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": *name != "<think>"})
    };
    names.iter().enumerate().map(token).collect()
}

fn begin_with(name: &str, id: u32) -> Json {
    json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": name, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]}}})
}

/// As the families' own files have it: what a name of `tokenizer.ggml.pre` stands for.
fn pre_tokenizer(name: &str) -> Json {
    let bytes =
        |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let split =
        |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let tail = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let cases = |rest: &str, tail: &str| {
        let [large, small] = [r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"];
        let first = r"[^\r\n\p{L}\p{N}]?";
        format!(
            "{first}{large}*{small}+{rest}|{first}{large}+{small}*{rest}|{tail}{}",
            r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
    };
    let short = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    let steps = match name {
        "gpt-2" => vec![bytes(true)],
        "smollm" => vec![json!({"type": "Digits", "individual_digits": true}), bytes(true)],
        "llama-bpe" => {
            vec![split(&format!(r"{short}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{tail}")), bytes(false)]
        }
        "qwen2" => vec![split(&format!(r"{short}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{tail}")), bytes(false)],
        "qwen35" => {
            let tail = tail.replace(r"\p{L}", r"\p{L}\p{M}");
            vec![split(&format!(r"{short}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}{tail}")), bytes(false)]
        }
        "tekken" => vec![split(&cases("", r"\p{N}")), bytes(false)],
        "gpt-4o" => vec![split(&cases(&format!("{short}?"), r"\p{N}{1,3}")), bytes(false)],
        "deepseek-v3" => {
            let words = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##;
            let words = format!("{words}{}", r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+");
            vec![split(r"\p{N}{1,3}"), split(r"[一-龥぀-ゟ゠-ヿ]+"), split(&words), bytes(false)]
        }
        _ => panic!("{name} is none of the names here"),
    };
    json!({"type": "Sequence", "pretokenizers": steps})
}

/// A byte-level tokenizer of a kind.
pub(super) fn byte_level(name: &'static str) -> Made {
    let normalizer = if name.starts_with("qwen") { json!({"type": "NFC"}) } else { Json::Null };
    let whole = ["llama-bpe", "tekken"].contains(&name);
    let begin = if whole { begin_with(CONTROL[0], 0) } else { Json::Null };
    let mut file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer(name), "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": whole,
            "vocab": {}, "merges": []},
    });
    let first = CONTROL.len();
    let mut trained = train(file.clone(), TOKENS - first, true);
    let vocabulary = trained["model"]["vocab"].as_object_mut().unwrap();
    vocabulary.values_mut().for_each(|id| *id = json!(id.as_u64().unwrap() + first as u64));
    let mut tokens: Vec<String> = CONTROL.map(str::to_owned).into();
    let mut names: Vec<_> = vocabulary.iter().map(|(token, id)| (id.as_u64().unwrap(), token.clone())).collect();
    names.sort_unstable();
    tokens.extend(names.into_iter().map(|(_, token)| token));
    let mut kinds = vec![3, 3, 4];
    kinds.resize(tokens.len(), 1);
    // Added tokens' numbers come from the model's vocabulary, where they are in it.
    vocabulary.extend((0..).zip(CONTROL).map(|(id, token): (u64, _)| (token.to_owned(), json!(id))));
    file["model"]["vocab"] = trained["model"]["vocab"].take();
    file["model"]["merges"] = trained["model"]["merges"].take();
    file["added_tokens"] = added(&CONTROL);
    file["post_processor"] = begin;
    Made { file, model: "gpt2", splits: name, tokens, kinds }
}

/// A SentencePiece tokenizer: three control tokens, a token for each byte, and
/// trained pieces, those found first before others.
pub(super) fn pieces(spaced: bool) -> Made {
    let words = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    let model = json!({"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": {"<unk>": 0}, "merges": []});
    let mut file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": words, "post_processor": null, "decoder": null, "model": model,
    });
    let trained = train(file.clone(), TOKENS, false);
    let mut found: Vec<_> = trained["model"]["vocab"].as_object().unwrap().iter().collect();
    // Letters come first there; here, as in SentencePiece, last. One in four has no piece.
    found.sort_by_key(|(piece, id)| (piece.chars().count() == 1, id.as_u64()));
    let control = ["<unk>", "<s>", "</s>"];
    let mut tokens: Vec<String> = control.map(str::to_owned).into();
    tokens.extend((0..=255).map(|byte: u8| format!("<0x{byte:02X}>")));
    let first = tokens.len();
    let has_piece = |piece: &str| match piece.chars().next() {
        Some(letter) if piece.chars().count() == 1 => letter.is_ascii() || letter == '▁' || u32::from(letter) % 4 > 0,
        _ => !control.contains(&piece),
    };
    tokens.extend(found.into_iter().map(|(piece, _)| piece.clone()).filter(|piece| has_piece(piece)));
    let mut kinds = vec![2, 3, 3];
    kinds.resize(first, 6);
    kinds.resize(tokens.len(), 1);
    let normalizers = [
        json!({"type": "Prepend", "prepend": "▁"}),
        json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
    ];
    file["normalizer"] = json!({"type": "Sequence", "normalizers": &normalizers[usize::from(!spaced)..]});
    file["pre_tokenizer"] = Json::Null;
    file["added_tokens"] = added(&control);
    file["post_processor"] = begin_with("<s>", 1);
    file["model"]["vocab"] = tokens.iter().zip(0_u64..).map(|(token, id)| (token.clone(), json!(id))).collect();
    file["model"]["merges"] = json!(joins(&tokens[first..]));
    Made { file, model: "llama", splits: "default", tokens, kinds }
}

/// The merges of pieces, best first, as transformers' conversion gives them: of
/// any two, those that join to a third; by that one's place, and then by the
/// lengths of the two, the longer the earlier.
fn joins(pieces: &[String]) -> Vec<[&str; 2]> {
    let places: HashMap<&str, usize> = pieces.iter().map(String::as_str).zip(0..).collect();
    let mut found = Vec::new();
    for left in pieces {
        for right in pieces {
            if let Some(place) = places.get([left.as_str(), right].concat().as_str()) {
                let lengths = [left, right].map(|piece| -(piece.chars().count() as i64));
                found.push((*place, lengths, [left.as_str(), right]));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(.., halves)| halves).collect()
}
