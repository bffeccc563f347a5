//! Models that do not fit, and plans that do not: one line each, no panic.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use choreo_host::cache::plan::{Block, MessageId, Plan, Slot, Span, TokenId};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

const OPTIONS: LoadOptions = LoadOptions { cache_size: CacheSize::Tokens(64), cache_type: CacheType::F32, threads: 1 };

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// A copy of a golden model, to be spoilt.
fn copied(name: &str) -> Result<TempDir> {
    let copy = tempfile::tempdir()?;
    for entry in fs::read_dir(golden(name))? {
        let path = entry?.path();
        fs::copy(&path, copy.path().join(path.file_name().context("a file")?))?;
    }
    Ok(copy)
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) -> Result<()> {
    let mut value = serde_json::from_slice(&fs::read(path)?)?;
    change(&mut value);
    Ok(fs::write(path, value.to_string())?)
}

/// What loading says, with the directory's own name left out.
#[track_caller]
fn check(copy: &TempDir, options: LoadOptions, expected: &str) {
    let loaded = Decoder::load(&Source::Directory(copy.path().into()), options);
    let error = loaded.expect_err("the model does not fit").to_string();
    let error = error.replace(&copy.path().display().to_string(), "DIRECTORY");
    assert_eq!(error, expected);
}

#[track_caller]
fn check_config(key: &str, value: Value, expected: &str) -> Result<()> {
    check_family("tied", key, value, expected)
}

#[track_caller]
fn check_family(name: &str, key: &str, value: Value, expected: &str) -> Result<()> {
    let copy = copied(name)?;
    edit(&copy.path().join("config.json"), |config| config[key] = value)?;
    check(&copy, OPTIONS, expected);
    Ok(())
}

#[test]
fn what_a_configuration_asks_for_is_done_or_refused_by_name() -> Result<()> {
    check_config(
        "architectures",
        json!(["GemmaForCausalLM"]),
        "config.json `architectures` [\"GemmaForCausalLM\"] is not supported, only LlamaForCausalLM, \
         MistralForCausalLM, Phi3ForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, SmolLM3ForCausalLM: use another model",
    )?;
    check_config(
        "mlp_bias",
        json!(true),
        "config.json `mlp_bias` true is not supported, only false: use another model",
    )?;
    check_config(
        "model_type",
        json!("qwen2"),
        "config.json `model_type` \"qwen2\" is not supported, only \"llama\": use another model",
    )?;
    check_config(
        "hidden_act",
        json!("gelu"),
        "config.json `hidden_act` \"gelu\" is not supported, only \"silu\": use another model",
    )?;
    check_config(
        "quantization_config",
        json!({"bits": 4}),
        "config.json has a key `quantization_config` ({\"bits\":4}), which is not supported: use another model",
    )?;
    check_config(
        "sliding_window",
        json!(4096),
        "config.json has a key `sliding_window` (4096), which is not supported: use another model",
    )?;
    check_config(
        "rope_scaling",
        json!({"rope_type": "proportional"}),
        "config.json `rope_type` \"proportional\" is not supported, only \"default\", \"linear\", \"llama3\" and \
         \"yarn\": use another model",
    )?;
    for kind in ["dynamic", "longrope", "su"] {
        let expected = format!(
            "config.json `rope_type` \"{kind}\" is not supported, for its frequencies depend on the current length, \
             which would change cached keys: use another model"
        );
        check_config("rope_scaling", json!({"type": kind, "factor": 2.0}), &expected)?;
    }
    check_config(
        "rope_scaling",
        json!({"rope_type": "yarn", "factor": 4.0, "mscale": 0.7}),
        "config.json has a key `mscale` (0.7), which is not supported: use another model",
    )?;
    check_config(
        "partial_rotary_factor",
        json!(0.5),
        "config.json `partial_rotary_factor` 0.5 is not supported, only 1.0: use another model",
    )?;
    check_config(
        "rope_scaling",
        json!({"rope_type": "default", "attention_factor": 4.0}),
        "config.json has a key `attention_factor` (4.0), which is not supported: use another model",
    )
}

#[test]
fn what_a_family_asks_for_is_done_or_refused_by_name() -> Result<()> {
    check_family(
        "phi3",
        "rope_parameters",
        json!({"rope_type": "yarn", "factor": 2.0}),
        "config.json `rope_type` \"yarn\" is not supported, for its frequencies depend on the current length, \
         which would change cached keys: use another model",
    )?;
    check_family(
        "phi3",
        "rope_parameters",
        json!({"partial_rotary_factor": 0.4}),
        "config.json `partial_rotary_factor` is 0.4; it must be a share of head_dim that is an even number",
    )?;
    check_family(
        "mistral",
        "sliding_window",
        json!(0),
        "config.json `sliding_window` is 0; it must be a whole number from 1 on, or null",
    )?;
    check_family(
        "mistral",
        "layer_types",
        json!(["full_attention", "full_attention"]),
        "config.json has a key `layer_types` ([\"full_attention\",\"full_attention\"]), which is not supported: use another model",
    )?;
    check_family(
        "qwen3",
        "layer_types",
        json!(["full_attention"]),
        "config.json `layer_types` is [\"full_attention\"]; it must be a list of at least 2, \
         each \"full_attention\" or \"sliding_attention\"",
    )?;
    check_family(
        "qwen3",
        "sliding_window",
        json!(null),
        "config.json `layer_types` is [\"sliding_attention\",\"full_attention\"]; it must be a list of at least 2, \
         each \"full_attention\", for there is no sliding window",
    )?;
    check_family(
        "smollm3",
        "no_rope_layers",
        json!([1, 2]),
        "config.json `no_rope_layers` is [1,2]; it must be a list of at least 2, each 0 or 1",
    )?;
    check_family(
        "qwen3",
        "attention_bias",
        json!(true),
        "model.safetensors has no model.layers.0.self_attn.q_proj.bias [64]: fetch the file again, or another model",
    )?;
    check_family(
        "ramp",
        "rope_parameters",
        json!({"rope_type": "yarn", "factor": 2.0, "beta_fast": 1.0, "beta_slow": 9.0}),
        "config.json `beta_fast` is 1; it must be above beta_slow, 9, with pairs of a head between them",
    )
}

#[test]
fn impossible_shapes_are_errors() -> Result<()> {
    check_config(
        "num_key_value_heads",
        json!(3),
        "config.json `num_key_value_heads` is 3; it must be a divisor of num_attention_heads",
    )?;
    check_config("head_dim", json!(15), "config.json `head_dim` is 15; it must be an even number")?;
    check_config(
        "hidden_size",
        json!(-1),
        "config.json `hidden_size` is -1; it must be a whole number from 1 to 16777216",
    )?;
    check_config(
        "num_hidden_layers",
        json!("2"),
        "config.json `num_hidden_layers` is \"2\"; it must be a whole number from 1 to 4096",
    )?;
    check_config("rms_norm_eps", json!(null), "config.json has no `rms_norm_eps`: the decoder needs it")
}

#[test]
fn weights_that_do_not_fit_name_file_and_tensor() -> Result<()> {
    let file = "model.safetensors";
    check_config(
        "num_hidden_layers",
        json!(3),
        "model.safetensors has no model.layers.2.input_layernorm.weight [64]: fetch the file again, or another model",
    )?;
    check_config(
        "num_hidden_layers",
        json!(1),
        "model.safetensors has model.layers.1.input_layernorm.weight, which is not supported: use another model",
    )?;
    check_config(
        "intermediate_size",
        json!(95),
        "model.safetensors model.layers.0.mlp.gate_proj.weight is [96, 64]; config.json asks for [95, 64]",
    )?;
    check_config(
        "vocab_size",
        json!(16_000_000),
        "model.safetensors model.embed_tokens.weight is [96, 64]; config.json asks for [16000000, 64]",
    )?;

    let copy = copied("tied")?;
    let bytes = fs::read(copy.path().join(file))?;
    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(copy.path().join(file), &bytes[..length])?;
        let loaded = Decoder::load(&Source::Directory(copy.path().into()), OPTIONS);
        let error = loaded.expect_err("the file is cut short").to_string();
        assert!(error.starts_with("model.safetensors is cut short or is not a safetensors file ("), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
    Ok(())
}

#[test]
fn missing_files_are_named() -> Result<()> {
    for (model, file) in
        [("tied", "config.json"), ("tied", "model.safetensors"), ("plain", "model-00002-of-00002.safetensors")]
    {
        let copy = copied(model)?;
        fs::remove_file(copy.path().join(file))?;
        check(&copy, OPTIONS, &format!("DIRECTORY has no {file}: name a Hugging Face model directory"));
    }
    let copy = copied("plain")?;
    edit(&copy.path().join("model.safetensors.index.json"), |index| {
        index["weight_map"]["model.norm.weight"] = json!("../other.safetensors");
    })?;
    let expected = "../other.safetensors is a path out of the model's directory: name a file inside it";
    check(&copy, OPTIONS, expected);
    fs::write(copy.path().join("config.json"), "[1, 2]")?;
    let loaded = Decoder::load(&Source::Directory(copy.path().into()), OPTIONS);
    let error = loaded.expect_err("not an object").to_string();
    assert!(error.starts_with("config.json is not a JSON object ("), "{error}");
    Ok(())
}

#[test]
fn a_cache_beyond_the_memory_is_an_error() -> Result<()> {
    let copy = copied("tied")?;
    for slots in [0, usize::MAX] {
        let expected = format!("a cache of {slots} tokens at 512 bytes each cannot be had: ask for fewer, at least 1");
        check(&copy, LoadOptions { cache_size: CacheSize::Tokens(slots), ..OPTIONS }, &expected);
    }
    Ok(())
}

fn plan() -> Plan {
    Plan {
        tokens: vec![TokenId(5), TokenId(6)],
        indexes: vec![0, 1],
        slots: vec![Slot(0), Slot(1)],
        blocks: vec![Block { message: MessageId(0), rows: 0..2, first_index: 0, offset: 0, seen: 0..0, own: 0..1 }],
        spans: vec![Span { slot: Slot(0), index: 0, len: 2, offset: 0 }],
        sampled: vec![1],
    }
}

#[test]
fn a_plan_out_of_range_is_an_error() -> Result<()> {
    let mut decoder = Decoder::load(&Source::Directory(golden("tied")), OPTIONS)?;
    assert_eq!(decoder.forward(&plan())?.values.len(), 96);
    let none = Plan { sampled: vec![], ..plan() };
    assert!(decoder.forward(&none)?.values.is_empty());
    assert!(decoder.forward(&Plan::default())?.values.is_empty());

    let spoilt: [fn(&mut Plan); 12] = [
        |plan| plan.tokens[0] = TokenId(96),
        |plan| plan.slots[1] = Slot(64),
        |plan| plan.spans[0].slot = Slot(u32::MAX),
        |plan| plan.spans[0].len = 0,
        |plan| plan.spans[0].len = 1,
        |plan| plan.sampled = vec![2],
        |plan| plan.sampled = vec![1, 1],
        |plan| plan.blocks[0].rows = 0..1,
        |plan| plan.blocks[0].own = 0..2,
        |plan| plan.blocks[0].offset = i32::MAX,
        |plan| plan.indexes[1] = 7,
        |plan| plan.slots.truncate(1),
    ];
    for (number, spoil) in spoilt.iter().enumerate() {
        let mut plan = plan();
        spoil(&mut plan);
        let error = decoder.forward(&plan).expect_err(&format!("plan {number} is spoilt")).to_string();
        assert!(error.starts_with("the plan is not of this cache: "), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    // What it sees may stand far away only as far as the context goes.
    let far = |offset| {
        let mut plan = plan();
        plan.spans.push(Span { slot: Slot(9), index: 0, len: 1, offset });
        plan.blocks[0].seen = 1..2;
        plan
    };
    assert!(decoder.forward(&far(512)).is_ok());
    assert!(decoder.forward(&far(514)).is_err());
    assert!(decoder.forward(&far(i32::MIN)).is_err());
    Ok(())
}
