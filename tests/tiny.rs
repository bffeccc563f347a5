//! A small Llama of random weights with the embedded model's tokenizer.

use std::collections::BTreeMap;
use std::fs;

use choreo_tests::rig::root;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use tempfile::TempDir;

use crate::witness::mix;

const WIDTH: usize = 64;
const INNER: usize = 96;
const HEADS: usize = 8;
const KEY_HEADS: usize = 2;
const HEAD: usize = 16;
const LAYERS: usize = 2;

/// Writes it to a folder of its own: grouped heads, scaled rotation, matrices
/// of standard deviation 0.2, so that attention is far from uniform.
pub(crate) fn tiny_model(seed: u64) -> TempDir {
    let directory = TempDir::new().unwrap();
    let embedded = root().join("host/default-model");
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        fs::copy(embedded.join(file), directory.path().join(file)).unwrap();
    }
    let vocabulary = usize::try_from(choreo_tests::rig::chat().vocabulary()).unwrap();
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "head_dim": HEAD,
        "vocab_size": vocabulary, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": true,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    });
    fs::write(directory.path().join("config.json"), config.to_string()).unwrap();

    let mut shapes = BTreeMap::from([("model.embed_tokens.weight".to_owned(), vec![vocabulary, WIDTH])]);
    for layer in 0..LAYERS {
        for (part, rows, columns) in [
            ("self_attn.q_proj", HEADS * HEAD, WIDTH),
            ("self_attn.k_proj", KEY_HEADS * HEAD, WIDTH),
            ("self_attn.v_proj", KEY_HEADS * HEAD, WIDTH),
            ("self_attn.o_proj", WIDTH, HEADS * HEAD),
            ("mlp.gate_proj", INNER, WIDTH),
            ("mlp.up_proj", INNER, WIDTH),
            ("mlp.down_proj", WIDTH, INNER),
        ] {
            shapes.insert(format!("model.layers.{layer}.{part}.weight"), vec![rows, columns]);
        }
    }
    let mut normal = Normal::new(seed);
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes {
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| 0.2 * normal.next()).collect();
        tensors.insert(name, (shape, values));
    }
    let norms = (0..LAYERS).flat_map(|layer| {
        ["input_layernorm", "post_attention_layernorm"].map(|part| format!("model.layers.{layer}.{part}.weight"))
    });
    for name in norms.chain(["model.norm.weight".to_owned()]) {
        tensors.insert(name, (vec![WIDTH], vec![1.0; WIDTH]));
    }
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect()))
        .collect();
    let views =
        bytes.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    serialize_to_file(views, None, &directory.path().join("model.safetensors")).unwrap();
    directory
}

/// Normal numbers: the sum of twelve uniform ones, less six.
struct Normal(u64);

impl Normal {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> f32 {
        let sum: f32 = (0..12)
            .map(|_| {
                self.0 = mix(self.0);
                (self.0 >> 40) as f32 / (1u64 << 24) as f32
            })
            .sum();
        sum - 6.0
    }
}
