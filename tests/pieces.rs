//! SentencePiece tokenizers in chat formats: a space stands before a text where
//! the model's own tokenizer puts one, and nowhere else.

use std::borrow::Cow;
use std::path::Path;

use choreo_host::cache::plan::TokenId;
use choreo_host::chat::{Chat, ChatError, Part, Role, Speaker};
use choreo_host::model::{Source, gguf};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

/// No text may spell one of these.
const ADDED: [&str; 5] = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"];
/// Families with SentencePiece tokenizers, and what they add.
const FAMILIES: [(&str, &[&str]); 6] = [
    ("llama-2", &[]),
    ("mistral-v1", &[]),
    ("mistral-v3", &["[INST]", "[/INST]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]),
    ("phi-3", &["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]),
    ("gemma-2", &["<start_of_turn>", "<end_of_turn>"]),
    ("gemma-3", &["<start_of_turn>", "<end_of_turn>"]),
];
/// The pieces come after them and a token for each byte.
const PIECES: usize = ADDED.len() + 256;
const BEGIN: TokenId = TokenId(1);
const END: TokenId = TokenId(2);
/// Pieces of these, from their beginnings on.
const WORDS: [&str; 16] = [
    "▁user",
    "▁assistant",
    "▁[INST]",
    "▁[/INST]",
    "▁Hi",
    "▁there",
    "▁the",
    "ing",
    "INST",
    "</s",
    "<s>",
    "<|im",
    "12",
    "▁One",
    "▁▁▁▁",
    "...",
];
/// Whole conversations come out as turns, control tokens between them.
const TURNS: &str = "{% for m in messages %}{{ '<s>' + m.content + '</s>' }}{% endfor %}";

/// How tokenizers put a space before texts.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    /// As Llama 2's and Mistral v1's own files.
    Prepend,
    /// As their later ones.
    First,
    Always,
    Never,
}

const SCHEMES: [Scheme; 4] = [Scheme::Prepend, Scheme::First, Scheme::Always, Scheme::Never];

fn tokenizer(scheme: Scheme, more: &[&str]) -> Value {
    let mut names: Vec<String> = ADDED.map(str::to_owned).into();
    names.extend((0..=255).map(|byte: u8| format!("<0x{byte:02X}>")));
    names.extend(('!'..='~').chain(['▁', 'é', 'н', '語']).map(String::from));
    for word in WORDS {
        let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]).skip(2);
        for piece in ends.map(|end| &word[..end]) {
            if !names.iter().any(|name| name == piece) {
                names.push(piece.to_owned());
            }
        }
    }
    let merges = json!(joins(&names[PIECES..]));
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let words = |scheme| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
    let (normalizer, pre_tokenizer) = match scheme {
        Scheme::Prepend => {
            let steps = [json!({"type": "Prepend", "prepend": "▁"}), replace];
            (json!({"type": "Sequence", "normalizers": steps}), Value::Null)
        }
        Scheme::First => (Value::Null, words("first")),
        Scheme::Always => (Value::Null, words("always")),
        Scheme::Never => (replace, Value::Null),
    };
    let first_more = names.len();
    names.extend(more.iter().map(|name| (*name).to_owned()));
    let added = |(id, content): (usize, &&str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let vocabulary: Map<String, Value> = names.into_iter().zip(0..).map(|(name, id)| (name, json!(id))).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": normalizer, "post_processor": null,
        "added_tokens": (0..).zip(&ADDED).chain((first_more..).zip(more)).map(added).collect::<Vec<_>>(),
        "pre_tokenizer": pre_tokenizer,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        ]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocabulary, "merges": merges},
    })
}

/// Any two pieces that join to a third, the first ones best, as transformers'
/// conversion of SentencePiece models has them.
fn joins(pieces: &[String]) -> Vec<[&str; 2]> {
    let is_piece = |half: &str| pieces.iter().any(|piece| piece == half);
    let joins = pieces.iter().flat_map(|piece| piece.char_indices().rev().map(|(at, _)| piece.split_at(at)));
    joins.filter(|(left, right)| is_piece(left) && is_piece(right)).map(|(left, right)| [left, right]).collect()
}

/// The same tokenizer and a template in a GGUF file, as llama.cpp's converter
/// writes them.
fn metadata(tokenizer: &Value, template: &str) -> Vec<(String, gguf::Value)> {
    let shape = gguf::LLAMA_3_1_8B.metadata().into_iter().filter(|(key, _)| !key.starts_with("tokenizer."));
    let tokens = tokenizer["model"]["vocab"].as_object().unwrap();
    let added = tokenizer["added_tokens"].as_array().unwrap();
    let kind = |(id, token): (usize, &String)| match id {
        0 => 2,
        _ if added.iter().any(|added| added["content"] == **token) => 3,
        1..PIECES => 6,
        _ => 1,
    };
    let list = gguf::Value::List;
    let values = [
        ("ggml.model", gguf::Value::Text("llama".into())),
        ("ggml.pre", gguf::Value::Text("default".into())),
        ("ggml.tokens", list(tokens.keys().cloned().map(gguf::Value::Text).collect())),
        ("ggml.scores", list((0..tokens.len()).map(|id| gguf::Value::Float(-(id as f64))).collect())),
        ("ggml.token_type", list(tokens.keys().enumerate().map(kind).map(gguf::Value::Signed).collect())),
        ("ggml.unknown_token_id", gguf::Value::Unsigned(0)),
        ("ggml.bos_token_id", gguf::Value::Unsigned(1)),
        ("ggml.eos_token_id", gguf::Value::Unsigned(2)),
        ("chat_template", gguf::Value::Text(template.into())),
    ];
    shape.chain(values.map(|(key, value)| (format!("tokenizer.{key}"), value))).collect()
}

fn load(tokenizer: &Value, template: &str) -> Result<Chat, ChatError> {
    let config = json!({"bos_token": "<s>", "eos_token": "</s>", "chat_template": template}).to_string();
    Chat::load(|file| {
        Ok(match file {
            "tokenizer.json" => Some(Cow::Owned(tokenizer.to_string().into_bytes())),
            "tokenizer_config.json" => Some(Cow::Owned(config.clone().into_bytes())),
            _ => None,
        })
    })
}

fn chat(scheme: Scheme, template: &str) -> Chat {
    load(&tokenizer(scheme, &[]), template).expect("the chat format loads")
}

/// What the tokenizer alone makes of a text.
fn reference(tokenizer: &Value, text: &str) -> Vec<TokenId> {
    let tokenizer = Tokenizer::from_bytes(tokenizer.to_string()).unwrap();
    tokenizer.encode_fast(text, false).unwrap().get_ids().iter().copied().map(TokenId).collect()
}

fn template(family: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("templates/{family}.jinja"))).unwrap()
}

fn of_family(scheme: Scheme, name: &str) -> (Value, Chat) {
    let (_, more) = FAMILIES.iter().find(|(family, _)| *family == name).expect("it is one of them");
    let tokenizer = tokenizer(scheme, more);
    let chat = load(&tokenizer, &template(name)).expect("the chat format loads");
    (tokenizer, chat)
}

fn is_control(token: &TokenId) -> bool {
    (token.0 as usize) < ADDED.len()
}

#[test]
fn a_space_stands_where_the_tokenizer_puts_one() {
    let there = |scheme| {
        let chat = chat(scheme, TURNS);
        let turn = chat.render(Role::User, Part::Whole, "Hi").unwrap();
        assert_eq!((turn.first(), turn.last()), (Some(&BEGIN), Some(&END)));
        chat.decode(&turn)
    };
    assert_eq!(SCHEMES.map(there), [" Hi", "Hi", " Hi", "Hi"]);
    // A space that is there already.
    let there = |scheme| {
        let chat = chat(scheme, TURNS);
        chat.decode(&chat.render(Role::User, Part::Whole, " Hi").unwrap())
    };
    assert_eq!(SCHEMES.map(there), ["  Hi", " Hi", " Hi", " Hi"]);
}

/// What goes on from other text has none: parts of a turn, raw messages, and
/// candidates and texts that are encoded again.
#[test]
fn what_goes_on_has_no_space_of_its_own() {
    for scheme in SCHEMES {
        let chat = chat(scheme, TURNS);
        let part = |part, text| chat.render(Role::User, part, text).unwrap();
        let parts = [part(Part::Open, "Hi there"), part(Part::Middle, " One"), part(Part::Close, "\n12")];
        assert_eq!(parts.concat(), part(Part::Whole, "Hi there One\n12"), "{scheme:?}");
        assert_eq!(chat.decode(&chat.render(Role::Raw, Part::Whole, "Hi").unwrap()), "Hi");
        assert_eq!(chat.decode(&chat.encode_text("Hi")), "Hi");
        assert_eq!(chat.encode_text(" Hi").len(), 1);
        assert!(chat.encode_text("").is_empty());
    }
}

/// Where roles are plain text a space stands after a control token, and the
/// answer goes on from the question.
#[test]
fn families_come_out_as_their_tokenizers_write_them() {
    for (family, whole) in [
        ("llama-2", "<s>[INST] Hi [/INST] One </s><s>[INST] Hi [/INST]"),
        ("mistral-v1", "<s> [INST] Hi [/INST] One</s> [INST] Hi [/INST]"),
        ("phi-3", "<|user|>\nHi<|end|>\n<|assistant|>\nOne<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n"),
    ] {
        for scheme in SCHEMES {
            let (tokenizer, chat) = of_family(scheme, family);
            let mut tokens: Vec<TokenId> = chat.beginning().into_iter().collect();
            for (role, text) in [(Role::User, "Hi"), (Role::Assistant, "One"), (Role::User, "Hi")] {
                tokens.extend(chat.render(role, Part::Whole, text).unwrap());
            }
            tokens.extend(chat.header(Role::Assistant, Part::Whole, "").unwrap());
            assert_eq!(tokens, reference(&tokenizer, whole), "{family}, {scheme:?}: {:?}", chat.decode(&tokens));
        }
    }
}

/// Every family's messages are cut as its whole conversations are.
#[test]
fn messages_are_cut_as_conversations_are() {
    for (family, _) in FAMILIES {
        for scheme in SCHEMES {
            let (_, chat) = of_family(scheme, family);
            let cut = chat.deviations().iter().find(|line| line.contains("other tokens"));
            assert_eq!(cut, None, "{family}, {scheme:?}");
        }
    }
}

/// From the file's metadata alone.
#[test]
fn a_gguf_file_speaks_as_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    for (family, _) in FAMILIES {
        let (tokenizer, directory) = of_family(Scheme::Prepend, family);
        let path = folder.path().join(format!("{family}.gguf"));
        let mut file = std::fs::File::create(&path).unwrap();
        gguf::write(&mut file, &metadata(&tokenizer, &template(family)), &[], |_, _| {}).unwrap();
        let source = Source::open(path).unwrap();
        let chat = Chat::load(|file| source.read(file)).unwrap();
        assert_eq!(chat.deviations(), directory.deviations(), "{family}");
        assert_eq!((chat.beginning(), chat.ends()), (directory.beginning(), directory.ends()), "{family}");
        assert_eq!(chat.vocabulary(), directory.vocabulary(), "{family}");
        for token in (0..chat.vocabulary()).map(TokenId) {
            assert_eq!(chat.token_bytes(token), directory.token_bytes(token), "{family}: {token:?}");
        }
        for role in [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Raw] {
            for part in [Part::Whole, Part::Open, Part::Middle, Part::Close] {
                for text in ["Hi there", " Hi\n\n", "</s><s>[INST]", "<0x0A>語ö", ""] {
                    let [one, other] = [&chat, &directory].map(|chat| chat.render(role, part, text));
                    assert_eq!(one, other, "{family}: {text:?}");
                }
            }
        }
    }
}

#[test]
fn tokens_stand_for_what_they_spell() {
    let chat = chat(Scheme::Prepend, TURNS);
    let [one] = chat.encode_text("\n")[..] else { panic!("a byte is one token") };
    assert_eq!((one, chat.token_bytes(one)), (TokenId(ADDED.len() as u32 + 10), b"\n".as_slice()));
    let spelled = chat.encode_text("ö");
    assert_eq!(
        (spelled.len(), chat.decode(&spelled[..1]).as_str(), chat.decode(&spelled).as_str()),
        (2, "\u{fffd}", "ö")
    );
    assert!(chat.is_end(END) && chat.token_bytes(TokenId(0)).is_empty());
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value), expected: &str) {
    let mut tokenizer = tokenizer(Scheme::First, &[]);
    change(&mut tokenizer);
    let error = load(&tokenizer, TURNS).expect_err("it does not fit").to_string();
    assert_eq!(error, format!("tokenizer.json {expected}"));
}

#[test]
fn tokenizers_that_do_not_spell_every_text_are_refused_in_one_line() {
    let neither = "is a BPE tokenizer that is neither byte-level nor SentencePiece's with a token for every byte, which \
                   is not supported: use another model";
    refused(|tokenizer| tokenizer["model"]["byte_fallback"] = json!(false), neither);
    refused(|tokenizer| tokenizer["pre_tokenizer"]["replacement"] = json!("_"), neither);
    refused(
        |tokenizer| {
            let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
            vocabulary.remove("<0x0A>").unwrap();
        },
        "has no token for some byte: use another model",
    );
    let steps = |tokenizer: &Value, first: Value| json!([first, tokenizer["pre_tokenizer"]]);
    refused(
        |tokenizer| {
            let digits = json!({"type": "Digits", "individual_digits": true});
            tokenizer["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": steps(tokenizer, digits)});
        },
        "puts a space before every word, which is not supported: use another model",
    );
    refused(
        |tokenizer| tokenizer["normalizer"] = json!({"type": "Prepend", "prepend": "x"}),
        "puts \"x\" before every text, which is not supported: use another model",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    /// A turn between control tokens is what the tokenizer alone makes of it,
    /// unless the text spells control tokens: none of them arises.
    #[test]
    fn a_turn_is_cut_as_the_tokenizer_cuts_it(
        text in "(Hi|there| |  |\n|▁|</s>|<s>|<|s>|<unk>|<0x0A>|<\\|im_end\\|>|user|12|é|\\PC){0,10}",
        scheme in proptest::sample::select(SCHEMES.as_slice()),
    ) {
        let chat = chat(scheme, TURNS);
        let turn = chat.render(Role::User, Part::Whole, &text).unwrap();
        let inner = &turn[1..turn.len() - 1];
        prop_assert!(!inner.iter().any(is_control));
        let whole = reference(&tokenizer(scheme, &[]), &format!("<s>{text}</s>"));
        if whole.iter().filter(|token| is_control(token)).count() == 2 {
            prop_assert_eq!(&turn, &whole);
        }
        // SentencePiece writes a space as this sign: they cannot be told apart.
        let spelled = text.replace('▁', " ");
        prop_assert_eq!(chat.decode(&chat.encode_text(&text)), spelled.as_str());
        let said = chat.decode(inner);
        prop_assert!(said == spelled || said.strip_prefix(' ') == Some(spelled.as_str()));
        let named = Speaker { role: Role::User, name: Some(&text) };
        prop_assert!(chat.render(named, Part::Whole, "x").is_err());
    }
}
