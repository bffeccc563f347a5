//! A GGUF's tokenizer against the Hugging Face one that it was made of.

mod folder;
mod made;
mod texts;

use std::collections::{HashMap, HashSet};

use tokenizers::Tokenizer;

use self::made::{byte_level, metadata, pieces};
use self::texts::Texts;
use super::super::metadata::{Metadata, Value};
use super::tokenizer_json;

const TEXTS: usize = 10_000;

fn read(metadata: &Metadata) -> Tokenizer {
    Tokenizer::from_bytes(tokenizer_json(metadata).expect("it is supported")).expect("it is a tokenizer")
}

fn ids(tokenizer: &Tokenizer, text: &str, begins: bool) -> Vec<u32> {
    tokenizer.encode_fast(text, begins).expect("every text is spelled").get_ids().to_vec()
}

/// Both tokenizers over the same texts.
fn compare(hugging_face: &Tokenizer, gguf: &Tokenizer, name: &str) {
    let mut used = HashSet::new();
    for text in Texts::new(7).take(TEXTS) {
        let expected = ids(hugging_face, &text, true);
        assert_eq!(ids(gguf, &text, true), expected, "{name}: {text:?}");
        used.extend(expected);
    }
    // Texts that a few tokens spell would show little.
    let all = hugging_face.get_vocab_size(true);
    assert!(used.len() * 3 > all, "{name}: the texts use {} of {all} tokens", used.len());
}

#[test]
fn a_byte_level_tokenizer_equals_its_hugging_face_file() {
    for name in ["gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "tekken", "gpt-4o", "deepseek-v3"] {
        let made = byte_level(name);
        compare(&made.hugging_face(), &read(&metadata(&made, &[])), name);
    }
}

#[test]
fn a_sentencepiece_tokenizer_equals_its_hugging_face_file() {
    for spaced in [true, false] {
        let made = pieces(spaced);
        let gguf = metadata(&made, &[("tokenizer.ggml.add_space_prefix", Value::Flag(spaced))]);
        compare(&made.hugging_face(), &read(&gguf), if spaced { "spaced" } else { "not spaced" });
    }
}

/// What else a file may say changes what it should.
#[test]
fn the_comparison_notices_another_tokenizer() {
    let differs = |a: &Tokenizer, b: &Tokenizer| Texts::new(7).any(|text| ids(a, &text, true) != ids(b, &text, true));
    let made = byte_level("llama-bpe");
    let same = read(&metadata(&made, &[]));
    for other in ["qwen2", "gpt-2", "default"] {
        let other = read(&metadata(&made, &[("tokenizer.ggml.pre", Value::Text(other.into()))]));
        assert!(differs(&same, &other));
    }
    let endless = read(&metadata(&made, &[("tokenizer.ggml.add_bos_token", Value::Flag(false))]));
    assert!(differs(&same, &endless));
    let made = pieces(true);
    let same = read(&metadata(&made, &[]));
    let unspaced = read(&metadata(&made, &[("tokenizer.ggml.add_space_prefix", Value::Flag(false))]));
    assert!(differs(&same, &unspaced));
}

#[track_caller]
fn refused(metadata: &Metadata, expected: &str) {
    let error = tokenizer_json(metadata).expect_err("it does not fit").to_string();
    assert_eq!(error, format!("made.gguf {expected}"));
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn what_does_not_fit_is_refused_in_one_line() {
    let text = |text: &str| Value::Text(text.into());
    let made = byte_level("gpt-2");
    let check = |key: &str, value: Value, expected: &str| refused(&metadata(&made, &[(key, value)]), expected);
    for kind in ["bert", "t5", "rwkv", "gemma4"] {
        let expected = format!(
            "`tokenizer.ggml.model` \"{kind}\" is not supported, only \"gpt2\" (byte-level BPE) and \"llama\" \
             (SentencePiece BPE): use another model"
        );
        check("tokenizer.ggml.model", text(kind), &expected);
    }
    check(
        "tokenizer.ggml.pre",
        text("later"),
        "`tokenizer.ggml.pre` \"later\" is not supported, only gpt-2, phi-2, mpt, olmo, smollm, starcoder, refact, \
         command-r, llama-bpe, llama3, llama-v3, falcon3, pixtral, dbrx, smaug-bpe, qwen2, deepseek-r1-qwen, qwen35, \
         tekken, gpt-4o, llama4, deepseek-llm, deepseek-coder, deepseek-v3, falcon, default: use another model",
    );
    check(
        "tokenizer.ggml.add_space_prefix",
        Value::Flag(true),
        "`tokenizer.ggml.add_space_prefix` is true, which byte-level tokenizers do not support: use another model",
    );
    check(
        "tokenizer.ggml.merges",
        Value::List(vec![text("a b"), text("ab c")]),
        "`tokenizer.ggml.merges` has \"a b\", and no token is \"ab\": fetch the file again",
    );
    check(
        "tokenizer.ggml.merges",
        Value::List(vec![text("ab")]),
        "`tokenizer.ggml.merges` has \"ab\", which is not two tokens: fetch the file again",
    );
    check(
        "tokenizer.ggml.bos_token_id",
        Value::Unsigned(1 << 20),
        "`tokenizer.ggml.bos_token_id` is 1048576, and there are 900 tokens: fetch the file again",
    );
    check(
        "tokenizer.ggml.token_type",
        Value::List(vec![Value::Signed(1); 5]),
        "`tokenizer.ggml.token_type` has 5 entries for 900 tokens: fetch the file again",
    );
    check(
        "tokenizer.ggml.token_type",
        Value::List(vec![Value::Signed(7); 900]),
        "`tokenizer.ggml.token_type` holds 7, and types go from 1 to 6: fetch the file again",
    );
    let mut tokens = made.tokens.clone();
    tokens[8] = made.tokens[5].clone();
    check(
        "tokenizer.ggml.tokens",
        Value::List(tokens.into_iter().map(Value::Text).collect()),
        &format!("`tokenizer.ggml.tokens` has {:?} twice, as 5 and 8: fetch the file again", made.tokens[5]),
    );
    let mut tokens = made.tokens.clone();
    tokens[8] = "a".repeat(5000);
    check(
        "tokenizer.ggml.tokens",
        Value::List(tokens.into_iter().map(Value::Text).collect()),
        "`tokenizer.ggml.tokens` has a token 8 of 5000 bytes, and at most 4096 are read: fetch the file again",
    );
    let made = pieces(true);
    let check = |key: &str, value: Value, expected: &str| refused(&metadata(&made, &[(key, value)]), expected);
    check(
        "tokenizer.ggml.scores",
        Value::List(vec![Value::Float(0.0)]),
        &format!("`tokenizer.ggml.scores` has 1 entries for {} tokens: fetch the file again", made.tokens.len()),
    );
    check(
        "tokenizer.ggml.remove_extra_whitespaces",
        Value::Flag(true),
        "`tokenizer.ggml.remove_extra_whitespaces` is true: texts that lose white space are not supported: use \
         another model",
    );
    refused(
        &Metadata::new("made.gguf", HashMap::new()),
        "has no `tokenizer.ggml.model`: fetch the file again, or another model",
    );
}

#[test]
fn what_must_be_there_is_asked_for_by_name() {
    let (byte_level, pieces) = (byte_level("gpt-2"), pieces(true));
    for (made, key) in [
        (&byte_level, "tokenizer.ggml.tokens"),
        (&byte_level, "tokenizer.ggml.token_type"),
        (&byte_level, "tokenizer.ggml.merges"),
        (&pieces, "tokenizer.ggml.scores"),
    ] {
        let mut values = made.values();
        values.remove(key);
        let expected = format!("has no `{key}`: fetch the file again, or another model");
        refused(&Metadata::new("made.gguf", values), &expected);
    }
}

/// Tokens that fill up the numbers are no text's, and a token that ends messages
/// is a control token whatever its type says.
#[test]
fn types_say_what_a_token_is_for() {
    let mut made = byte_level("gpt-2");
    let count = made.tokens.len();
    made.tokens.extend(["[PAD900]".into(), "stop".into(), String::new()]);
    made.kinds.extend([5, 1, 1]);
    let eot = ("tokenizer.ggml.eot_token_id", Value::Unsigned(count as u64 + 1));
    let tokenizer = read(&metadata(&made, &[eot]));
    assert_eq!(tokenizer.token_to_id("[PAD900]"), None);
    let added = tokenizer.get_added_tokens_decoder();
    assert!(added[&(count as u32 + 1)].special && added.len() == made.added() + 1);
    assert_eq!(ids(&tokenizer, "stop", false), [count as u32 + 1]);
}
