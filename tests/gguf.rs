//! `.gguf` files as models: run as a person runs them, and spoilt in every way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use choreo_host::chat::Chat;
use choreo_host::model::gguf::{NewTensor, Shape, Value, write};
use choreo_host::model::{CacheSize, CacheType, Decoder, Format, LoadOptions, Model, Source};
use tempfile::TempDir;

use crate::support::{Host, scratch};
use crate::witness::mix;

const OPTIONS: LoadOptions = LoadOptions { cache_size: CacheSize::Tokens(64), cache_type: CacheType::F32, threads: 1 };

/// Rows are whole blocks of every format.
const TINY: Shape = Shape {
    name: Cow::Borrowed("tiny"),
    architecture: "llama",
    layers: 2,
    width: 256,
    inner: 256,
    heads: 4,
    key_value_heads: 2,
    head_dim: 64,
    vocabulary: 320,
    context: 2048,
    theta: 10_000.0,
    tied: true,
};

/// The file of a shape, its metadata and tensors changed before it is written.
fn changed(
    shape: &Shape,
    format: Format,
    change: impl FnOnce(&mut BTreeMap<String, Value>, &mut Vec<NewTensor>),
) -> Result<Vec<u8>> {
    let (mut metadata, mut tensors) = (shape.metadata().into_iter().collect(), shape.tensors(format));
    change(&mut metadata, &mut tensors);
    let mut bytes = Vec::new();
    write(&mut bytes, &metadata.into_iter().collect::<Vec<_>>(), &tensors, |_, _| {})?;
    Ok(bytes)
}

/// A file of these bytes, in a folder of its own.
fn file(bytes: &[u8]) -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.gguf");
    fs::write(&path, bytes)?;
    Ok((folder, path))
}

/// All of a model's loading.
fn load(path: PathBuf) -> Result<(Decoder, Chat)> {
    let source = Source::open(path)?;
    let decoder = Decoder::load(&source, OPTIONS)?;
    Ok((decoder, Chat::load(|file| source.read(file))?))
}

/// What loading says of such a file.
#[track_caller]
fn refusal(bytes: &[u8]) -> Result<String> {
    let (_folder, path) = file(bytes)?;
    let error = load(path).err().context("the file does not fit")?.to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    Ok(error)
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) -> Result<()> {
    assert_eq!(refusal(bytes)?, expected);
    Ok(())
}

/// What loading says of a file with one value changed, or taken out.
#[track_caller]
fn check_value(key: &str, value: Option<Value>, expected: &str) -> Result<()> {
    let bytes = changed(&TINY, Format::Q8_0, |metadata, _| {
        match value {
            Some(value) => metadata.insert(key.into(), value),
            None => metadata.remove(key),
        };
    })?;
    check(&bytes, expected)
}

#[test]
fn every_format_runs_a_plan() -> Result<()> {
    let council = choreo_workflows::component("council")?;
    let folder = scratch().join("gguf");
    fs::create_dir_all(&folder)?;
    for (number, format) in Format::ALL.into_iter().enumerate() {
        let path = folder.join(format!("{number}.gguf"));
        TINY.write(&path, format, 7)?;
        let host = |model: &str| {
            Host::new("run --cache-tokens 4096 --max-tokens 8 --model").with(model).with(council.display()).with("Who?")
        };
        let ended = host(&path.display().to_string()).end();
        assert_eq!(ended.code, 0, "{format:?}: {ended:?}");
    }
    Ok(())
}

#[test]
fn a_file_brings_its_tokenizer_and_template() -> Result<()> {
    let (_folder, path) = file(&changed(&TINY, Format::Q4K, |_, _| {})?)?;
    let (decoder, chat) = load(path)?;
    assert_eq!((decoder.shape().name.as_str(), decoder.shape().vocabulary), ("x.gguf", 320));
    assert_eq!(chat.vocabulary(), 320);
    assert!(chat.deviations().is_empty(), "{:?}", chat.deviations());
    Ok(())
}

#[test]
fn the_same_seed_writes_the_same_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let paths = ["a.gguf", "b.gguf", "c.gguf"].map(|name| folder.path().join(name));
    for (path, seed) in paths.iter().zip([1, 1, 2]) {
        TINY.write(path, Format::Q6K, seed)?;
    }
    let [a, b, c] = paths.map(fs::read);
    let (a, b, c) = (a?, b?, c?);
    assert!(a == b && a != c && a.len() == c.len());
    Ok(())
}

#[test]
fn files_cut_short_are_said_to_be() -> Result<()> {
    let whole = changed(&TINY, Format::Q8_0, |_, _| {})?;
    let (folder, path) = file(&whole)?;
    assert!(load(path.clone()).is_ok());
    let header = whole.len()
        - TINY.tensors(Format::Q8_0).iter().map(|tensor| tensor.rows * tensor.width / 32 * 34).sum::<usize>();
    let places = [0, 3, 7, 20, 30, header / 4, header / 2, header, (header + whole.len()) / 2, whole.len() - 1];
    for length in places {
        fs::write(&path, &whole[..length])?;
        let error = load(path.clone()).err().context("cut short")?.to_string();
        assert!(
            error.starts_with("x.gguf is cut short: ") || error.starts_with("x.gguf says it has "),
            "{length}: {error}"
        );
        let ended =
            Host::probe(&format!("--model {}", path.display()), "print").fails(1, &["cannot load the model ", &error]);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
    drop(folder);
    Ok(())
}

#[test]
fn what_is_no_such_file_is_said() -> Result<()> {
    let whole = changed(&TINY, Format::Q8_0, |_, _| {})?;
    let with = |at: usize, bytes: &[u8]| {
        let mut spoilt = whole.clone();
        spoilt[at..at + bytes.len()].copy_from_slice(bytes);
        spoilt
    };
    check(&with(0, b"GGML"), "x.gguf is not a GGUF file: name a .gguf file or a Hugging Face directory")?;
    for version in [0u32, 1, 4] {
        let text = "which is not supported, only 2 and 3: convert it again";
        check(&with(4, &version.to_le_bytes()), &format!("x.gguf is GGUF version {version}, {text}"))?;
    }
    check(
        &with(4, &3u32.to_be_bytes()),
        "x.gguf is a big-endian GGUF file, which is not supported: fetch the usual one",
    )
}

#[test]
fn absurd_counts_take_no_memory() -> Result<()> {
    let whole = changed(&TINY, Format::Q8_0, |_, _| {})?;
    let list = whole.windows(21).position(|bytes| bytes == b"tokenizer.ggml.tokens").context("the tokens")? + 21 + 8;
    for count in [1u64 << 21, 1 << 40, 1 << 63, u64::MAX] {
        // Of tensors, of keys, of a list's entries, of a key's letters.
        for at in [8, 16, list, 24] {
            let mut spoilt = whole.clone();
            spoilt[at..at + 8].copy_from_slice(&count.to_le_bytes());
            let error = refusal(&spoilt)?;
            assert!(error.contains(&count.to_string()) || error.contains("is cut short"), "{error}");
        }
    }
    Ok(())
}

#[test]
fn metadata_that_are_missing_or_impossible_are_named() -> Result<()> {
    for key in [
        "general.architecture",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "tokenizer.ggml.merges",
        "tokenizer.ggml.model",
    ] {
        let bytes = changed(&TINY, Format::Q8_0, |metadata, _| {
            assert!(metadata.remove(key).is_some(), "{key}");
        })?;
        let error = refusal(&bytes)?;
        assert!(error.ends_with(&format!("x.gguf has no `{key}`: fetch the file again, or another model")), "{error}");
    }
    let number = |number| Some(Value::Unsigned(number));
    let text = |text: &str| Some(Value::Text(text.into()));
    check_value(
        "general.architecture",
        text("mamba"),
        "x.gguf `general.architecture` \"mamba\" is not supported, only llama, phi3, qwen2, qwen3, smollm3: use another model",
    )?;
    check_value(
        "llama.block_count",
        text("two"),
        "x.gguf `llama.block_count` is \"two\"; it must be a whole number from 0 on",
    )?;
    check_value(
        "llama.block_count",
        number(0),
        "x.gguf, read as config.json, `num_hidden_layers` is 0; it must be a whole number from 1 to 4096",
    )?;
    check_value(
        "llama.expert_count",
        number(8),
        "x.gguf `llama.expert_count` 8 is not supported, only 0: use another model",
    )?;
    check_value(
        "llama.rope.dimension_count",
        number(32),
        "x.gguf `llama.rope.dimension_count` 32 is not supported, only 64: use another model",
    )?;
    check_value(
        "llama.logit_scale",
        Some(Value::Float(0.5)),
        "x.gguf has a key `llama.logit_scale`, which is not supported: use another model",
    )?;
    check_value(
        "llama.rope.scaling.type",
        text("longrope"),
        "x.gguf, read as config.json, `rope_type` \"longrope\" is not supported, for its frequencies depend on the \
         current length, which would change cached keys: use another model",
    )?;
    check_value(
        "split.count",
        number(3),
        "x.gguf is one of 3 files of a model, which is not supported: join them with llama-gguf-split --merge",
    )?;
    check_value("general.alignment", number(0), "x.gguf `general.alignment` is 0; it must be a multiple of 8 above 0")
}

#[test]
fn tensors_that_do_not_fit_are_named() -> Result<()> {
    check_value(
        "llama.feed_forward_length",
        Some(Value::Unsigned(512)),
        "x.gguf blk.0.ffn_gate.weight is [256, 256]; its metadata ask for [512, 256]",
    )?;
    let without = changed(&TINY, Format::Q8_0, |_, tensors| {
        tensors.retain(|tensor| tensor.name != "blk.1.attn_k.weight");
    })?;
    check(&without, "x.gguf has no blk.1.attn_k.weight [128, 256]: fetch the file again, or another model")?;
    let more = changed(&TINY, Format::Q8_0, |_, tensors| {
        tensors.push(NewTensor { name: "blk.1.ffn_gate.bias".into(), rows: 1, width: 256, format: Format::F32 });
    })?;
    check(&more, "x.gguf has blk.1.ffn_gate.bias, which is not supported: use another model")?;
    let twice = changed(&TINY, Format::Q8_0, |_, tensors| tensors.push(tensors[3].clone()))?;
    check(&twice, "x.gguf repeats blk.0.attn_k.weight: fetch it again")?;
    // The type stands after the name, the number of dimensions and both of them.
    let whole = changed(&TINY, Format::Q8_0, |_, _| {})?;
    let name = b"blk.1.ffn_up.weight";
    let kind = whole.windows(name.len()).position(|bytes| bytes == name).context("a tensor")? + name.len() + 4 + 16;
    for (number, found) in [(10u32, "Q2_K"), (20, "IQ4_NL"), (77, "of type 77")] {
        let mut spoilt = whole.clone();
        spoilt[kind..kind + 4].copy_from_slice(&number.to_le_bytes());
        check(
            &spoilt,
            &format!(
                "x.gguf blk.1.ffn_up.weight is {found}; only F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K and Q6_K are \
                 supported: fetch the model in one of these"
            ),
        )?;
    }
    let mut spoilt = whole.clone();
    spoilt[kind - 16..kind - 8].copy_from_slice(&250u64.to_le_bytes());
    check(&spoilt, "x.gguf blk.1.ffn_up.weight has rows of 250, which are not whole blocks of 32: fetch it again")
}

#[test]
fn a_tokenizer_that_does_not_match_the_embedding_is_said() -> Result<()> {
    let other = Shape { vocabulary: 300, ..TINY };
    let bytes = changed(&TINY, Format::Q8_0, |metadata, _| metadata.extend(other.metadata()))?;
    check(
        &bytes,
        "x.gguf has a tokenizer of 300 tokens and an embedding of 320 rows: fetch the file again, or another model",
    )?;
    check_value(
        "tokenizer.ggml.eos_token_id",
        Some(Value::Unsigned(320)),
        "tokenizer.json cannot be read: x.gguf `tokenizer.ggml.eos_token_id` is 320, and there are 320 tokens: \
         fetch the file again",
    )
}

#[test]
fn spoilt_headers_are_read_or_refused() -> Result<()> {
    let whole = changed(&TINY, Format::Q4_0, |_, _| {})?;
    let header = whole.len()
        - TINY.tensors(Format::Q4_0).iter().map(|tensor| tensor.rows * tensor.width / 32 * 18).sum::<usize>();
    let (_folder, path) = file(&whole)?;
    for number in 0..400u64 {
        let mut spoilt = whole.clone();
        for change in 0..1 + number % 3 {
            let drawn = mix(number * 3 + change);
            spoilt[(drawn >> 8) as usize % header] = drawn as u8;
        }
        fs::write(&path, &spoilt)?;
        if let Err(error) = load(path.clone()) {
            let error = error.to_string();
            assert!(!error.contains('\n'), "{error}");
        }
    }
    Ok(())
}
