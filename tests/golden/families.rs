//! One tiny model for each family and rotary variant, and a change of its
//! configuration or its weights for each trait, which must show.

use std::fs;

use anyhow::Result;
use choreo_host::model::Source;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Placed, check_chain, check_golden, decoder, difference, folder, forward, golden, single, wide};

const FAMILIES: [&str; 9] = ["mistral", "qwen2", "qwen3", "smollm3", "listed", "phi3", "biased", "yarn", "ramp"];

#[test]
fn families_give_the_logits_of_transformers() -> Result<()> {
    for name in FAMILIES {
        let moved = check_golden(Source::Directory(folder(name)), name)?;
        let chain = check_chain(name, &[1, 40, 3, 20, 36])?;
        println!("{name}: largest difference of logits {moved:.2e} of their scale, as a chain {chain:.2e}");
    }
    Ok(())
}

/// The golden model, its configuration and its weights changed; a tensor may
/// be spoilt in place, and one that is not to be kept is left out.
fn changed(name: &str, change: impl FnOnce(&mut Value), keep: impl Fn(&str, &mut Vec<u8>) -> bool) -> Result<TempDir> {
    let copy = tempfile::tempdir()?;
    let mut config = serde_json::from_slice(&fs::read(folder(name).join("config.json"))?)?;
    change(&mut config);
    fs::write(copy.path().join("config.json"), config.to_string())?;
    let bytes = fs::read(folder(name).join("model.safetensors"))?;
    let mut kept = Vec::new();
    for (name, view) in SafeTensors::deserialize(&bytes)?.tensors() {
        let mut data = view.data().to_vec();
        if keep(&name, &mut data) {
            kept.push((name, view.dtype(), view.shape().to_vec(), data));
        }
    }
    let mut views = Vec::new();
    for (name, dtype, shape, data) in &kept {
        views.push((name, TensorView::new(*dtype, shape.clone(), data)?));
    }
    fs::write(copy.path().join("model.safetensors"), safetensors::serialize(views, None)?)?;
    Ok(copy)
}

#[test]
fn halves_of_a_file_give_the_bits_of_what_they_widen_to() -> Result<()> {
    for name in ["qwen2", "phi3", "tied"] {
        let tokens = golden(name)?.tokens;
        let plan = Placed { messages: &[single(&tokens)], extent: 600 }.whole();
        let halves = forward(&mut decoder(Source::Directory(folder(name)), 600), &plan);
        let copy = tempfile::tempdir()?;
        fs::copy(folder(name).join("config.json"), copy.path().join("config.json"))?;
        let bytes = fs::read(folder(name).join("model.safetensors"))?;
        let mut wide = Vec::new();
        for (name, view) in SafeTensors::deserialize(&bytes)?.tensors() {
            assert_eq!(view.dtype(), Dtype::BF16);
            let data: Vec<u8> =
                view.data().as_chunks::<2>().0.iter().flat_map(|[low, high]| [0, 0, *low, *high]).collect();
            wide.push((name, view.shape().to_vec(), data));
        }
        let mut views = Vec::new();
        for (name, shape, data) in &wide {
            views.push((name, TensorView::new(Dtype::F32, shape.clone(), data)?));
        }
        fs::write(copy.path().join("model.safetensors"), safetensors::serialize(views, None)?)?;
        let singles = forward(&mut decoder(Source::Directory(copy.path().into()), 600), &plan);
        assert_eq!(halves, singles, "{name}");
    }
    Ok(())
}

/// By how much the changed model's logits differ from the golden ones.
fn moved(name: &str, copy: &TempDir) -> Result<f64> {
    let golden = golden(name)?;
    let mut decoder = decoder(Source::Directory(copy.path().into()), 600);
    let found = forward(&mut decoder, &Placed { messages: &[single(&golden.tokens)], extent: 600 }.whole());
    Ok(difference(&found, &wide(&golden.logits)))
}

/// Gives a line that says how much the change shows.
#[track_caller]
fn check_shows(name: &str, what: &str, copy: &TempDir) -> Result<String> {
    let moved = moved(name, copy)?;
    assert!(moved > 1e-2, "{name}, {what}: {moved:e}");
    Ok(format!("{name}, {what}: {moved:.2e}"))
}

#[test]
fn each_trait_of_a_configuration_shows() -> Result<()> {
    let rope = "rope_parameters";
    let plain = json!({"rope_theta": 10000.0});
    let changes: [(&str, &str, &[&str], Value); 14] = [
        ("mistral", "no window", &["sliding_window"], json!(null)),
        ("mistral", "a window one longer", &["sliding_window"], json!(13)),
        ("qwen2", "no window", &["use_sliding_window"], json!(false)),
        ("qwen2", "a window in every layer", &["max_window_layers"], json!(0)),
        ("qwen3", "no window in the first layer", &["layer_types"], json!(["full_attention", "full_attention"])),
        ("smollm3", "positions in no layer", &["no_rope_layer_interval"], json!(1)),
        ("smollm3", "positions in every layer", &["no_rope_layer_interval"], json!(3)),
        ("listed", "positions in every layer", &["no_rope_layers"], json!([1, 1])),
        ("phi3", "heads that turn in whole", &[rope, "partial_rotary_factor"], json!(1.0)),
        ("biased", "positions not divided", &[rope], plain.clone()),
        ("yarn", "no magnitude", &[rope, "attention_factor"], json!(1.0)),
        ("yarn", "frequencies as they are", &[rope], plain),
        ("ramp", "a ramp of whole pairs", &[rope, "truncate"], json!(true)),
        ("ramp", "the usual ramp", &[rope, "beta_fast"], json!(32.0)),
    ];
    for (name, what, path, value) in changes {
        let change = |config: &mut Value| {
            let place = path.iter().fold(config, |place, key| &mut place[*key]);
            *place = value;
        };
        println!("{}", check_shows(name, what, &changed(name, change, |_, _| true)?)?);
    }
    Ok(())
}

#[test]
fn each_trait_of_the_weights_shows() -> Result<()> {
    let as_they_are = |_: &mut Value| {};
    // A copy that nothing was changed in shows nothing.
    assert!(moved("qwen2", &changed("qwen2", as_they_are, |_, _| true)?)? <= 1e-4);
    for (name, part) in [("qwen2", "q"), ("qwen2", "k"), ("qwen2", "v"), ("biased", "o")] {
        let zero = |tensor: &str, data: &mut Vec<u8>| {
            if tensor.ends_with(&format!("{part}_proj.bias")) {
                data.fill(0);
            }
            true
        };
        println!("{}", check_shows(name, &format!("no bias of {part}"), &changed(name, as_they_are, zero)?)?);
    }
    // Without its norms and windows it is a Llama.
    let as_llama = |config: &mut Value| {
        config["architectures"] = json!(["LlamaForCausalLM"]);
        config["model_type"] = json!("llama");
        for key in ["layer_types", "max_window_layers", "sliding_window", "use_sliding_window"] {
            config[key] = json!(null);
        }
    };
    for norm in ["q_norm.weight", "k_norm.weight"] {
        let ones = |tensor: &str, data: &mut Vec<u8>| {
            if tensor.ends_with(norm) {
                data.as_chunks_mut().0.iter_mut().for_each(|value| *value = 0x3f80u16.to_le_bytes());
            }
            true
        };
        println!("{}", check_shows("yarn", &format!("{norm} of ones"), &changed("yarn", as_they_are, ones)?)?);
    }
    let no_norm = |tensor: &str, _: &mut Vec<u8>| !tensor.contains("q_norm") && !tensor.contains("k_norm");
    println!("{}", check_shows("yarn", "no norms of heads", &changed("yarn", as_llama, no_norm)?)?);
    Ok(())
}
