//! GPT-2's BPE over bytes (`tokenizer.ggml.model` "gpt2"): `tokenizer.ggml.pre`
//! names how texts are split before merges join their bytes.

use serde_json::{Value, json};

use super::super::metadata::Metadata;
use super::Parts;
use super::vocabulary::Vocabulary;
use crate::model::LoadError;

const MERGES: &str = "tokenizer.ggml.merges";
const SPLITS: &str = "tokenizer.ggml.pre";
const SPACED: &str = "tokenizer.ggml.add_space_prefix";

/// How texts are split, as the models' own `tokenizer.json` have it.
struct Splits {
    /// As the file names it.
    names: &'static [&'static str],
    /// One after another, each over what the ones before left: the matches and
    /// what stands between them.
    patterns: &'static [&'static str],
    habits: &'static [Habit],
}

/// What else tokenizers of a name do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Compose characters (Unicode's NFC) first.
    Compose,
    /// Take a whole piece that is a token without asking the merges.
    Whole,
    /// Put the beginning-of-sequence token first, if the file does not say.
    Begin,
}

/// Words with the space before them.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Words with any one character before them, digits in threes.
const THREES: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// The same, digits alone.
const SINGLES: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// The same, marks with their letters.
const MARKS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}",
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// A word ends before a capital letter after a small one.
const CASES: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// The same with English contractions, digits in threes.
const CONTRACTED: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// Letters that have a case, in the Unicode version of DeepSeek LLM. Those that
/// an editor may compose stand as numbers.
const CASED: &str = concat!(
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗ",
    r"ὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼ",
    r"ℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+",
);
const CHINESE: &str = r"[一-龥ࠀ-一가-퟿]+";

const KNOWN: &[Splits] = &[
    Splits { names: &["gpt-2", "phi-2"], patterns: &[WORDS], habits: &[] },
    Splits { names: &["mpt", "olmo"], patterns: &[WORDS], habits: &[Habit::Compose] },
    Splits { names: &["smollm", "starcoder", "refact"], patterns: &[r"\p{N}", WORDS], habits: &[] },
    Splits { names: &["command-r"], patterns: &[r"\p{N}", WORDS], habits: &[Habit::Compose] },
    Splits {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"],
        patterns: &[THREES],
        habits: &[Habit::Whole, Habit::Begin],
    },
    Splits { names: &["dbrx", "smaug-bpe"], patterns: &[THREES], habits: &[] },
    Splits { names: &["qwen2", "deepseek-r1-qwen"], patterns: &[SINGLES], habits: &[Habit::Compose] },
    Splits { names: &["qwen35"], patterns: &[MARKS], habits: &[Habit::Compose] },
    Splits { names: &["tekken"], patterns: &[CASES], habits: &[Habit::Whole, Habit::Begin] },
    Splits { names: &["gpt-4o", "llama4"], patterns: &[CONTRACTED], habits: &[] },
    Splits {
        names: &["deepseek-llm"],
        patterns: &["[\r\n]", CASED, r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", CHINESE, r"\p{N}+"],
        habits: &[],
    },
    Splits {
        names: &["deepseek-coder"],
        patterns: &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CHINESE, r"\p{N}"],
        habits: &[],
    },
    Splits {
        names: &["deepseek-v3"],
        patterns: &[
            r"\p{N}{1,3}",
            r"[一-龥぀-ゟ゠-ヿ]+",
            concat!(
                r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
                r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
        ],
        habits: &[],
    },
    Splits { names: &["falcon"], patterns: &[r"[\p{P}\$\+<=>\^~\|`]+", WORDS, "[0-9]{3}"], habits: &[] },
    // What llama.cpp does with files that do not say.
    Splits { names: &["default"], patterns: &[r"[\p{P}\$\+<=>\^~\|]+", WORDS, r"\p{N}+", "[0-9]{3}"], habits: &[] },
];

pub(super) fn parts(metadata: &Metadata, vocabulary: &Vocabulary<'_>) -> Result<Parts, LoadError> {
    let name: &str = metadata.find(SPLITS)?.unwrap_or("default");
    let Some(splits) = KNOWN.iter().find(|splits| splits.names.contains(&name)) else {
        let known: Vec<&str> = KNOWN.iter().flat_map(|splits| splits.names).copied().collect();
        let text = format!("`{SPLITS}` {name:?} is not supported, only {}: use another model", known.join(", "));
        return Err(metadata.problem(text));
    };
    if metadata.find(SPACED)?.unwrap_or(false) {
        let text = format!("`{SPACED}` is true, which byte-level tokenizers do not support: use another model");
        return Err(metadata.problem(text));
    }
    let does = |habit| splits.habits.contains(&habit);
    let split = |pattern: &&str| {
        let regex = json!({"Regex": pattern});
        json!({"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": false})
    };
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let steps: Vec<Value> = splits.patterns.iter().map(split).chain([bytes.clone()]).collect();
    Ok(Parts {
        normalizer: if does(Habit::Compose) { json!({"type": "NFC"}) } else { Value::Null },
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": steps}),
        decoder: bytes,
        model: json!({
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": does(Habit::Whole), "vocab": vocabulary.model(), "merges": merges(metadata, vocabulary)?,
        }),
        begins: does(Habit::Begin),
    })
}

/// Pairs of tokens, best first.
fn merges<'a>(metadata: &'a Metadata, vocabulary: &Vocabulary<'_>) -> Result<Vec<[&'a str; 2]>, LoadError> {
    let merges: Vec<&str> = metadata.require(MERGES)?;
    let read = |merge: &'a str| {
        let wrong = |what: String| metadata.problem(format!("`{MERGES}` has {merge:?}, {what}: fetch the file again"));
        let (left, right) = merge.split_once(' ').ok_or_else(|| wrong("which is not two tokens".into()))?;
        for token in [left, right, &[left, right].concat()] {
            vocabulary.id(token).ok_or_else(|| wrong(format!("and no token is {token:?}")))?;
        }
        Ok([left, right])
    };
    merges.into_iter().map(read).collect()
}
