//! Models of which only the shape is that of a published one: random weights,
//! and a tokenizer with as many tokens.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::metadata::Value;
use super::random::Random;
use super::writer::{NewTensor, write};
use crate::model::config::{Config, Head, HeadNorms};
use crate::model::fields::ConfigError;
use crate::model::matrix::Format;

/// Sizes of a decoder. Rows of quantised formats must be whole blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Name to ask for it by.
    pub name: Cow<'static, str>,
    /// `general.architecture` of its file.
    pub architecture: &'static str,
    /// Layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width inside the feed-forward block.
    pub inner: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_value_heads: usize,
    /// Entries of a head.
    pub head_dim: usize,
    /// Rows of the embedding, some 300 at least and at most 2^24.
    pub vocabulary: usize,
    /// Positions.
    pub context: usize,
    /// Base of the rotary frequencies.
    pub theta: f64,
    /// Whether the head is the embedding.
    pub tied: bool,
}

/// Qwen3-0.6B, as its `config.json` says.
pub const QWEN3_0_6B: Shape = Shape {
    name: Cow::Borrowed("qwen3-0.6b"),
    architecture: "qwen3",
    layers: 28,
    width: 1024,
    inner: 3072,
    heads: 16,
    key_value_heads: 8,
    head_dim: 128,
    vocabulary: 151_936,
    context: 40_960,
    theta: 1e6,
    tied: true,
};

/// Llama-3.1-8B, as its `config.json` says, but for the scaling of positions.
pub const LLAMA_3_1_8B: Shape = Shape {
    name: Cow::Borrowed("llama-3.1-8b"),
    architecture: "llama",
    layers: 32,
    width: 4096,
    inner: 14_336,
    heads: 32,
    key_value_heads: 8,
    head_dim: 128,
    vocabulary: 128_256,
    context: 131_072,
    theta: 5e5,
    tied: false,
};

/// All of them.
pub const SHAPES: [Shape; 2] = [QWEN3_0_6B, LLAMA_3_1_8B];

/// Messages between a start, which the role follows, and an end.
const TEMPLATE: &str = "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>\n\
                        {% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}";
const CONTROL: [&str; 2] = ["<|start|>", "<|end|>"];

impl Shape {
    /// The sizes that a `config.json` of any supported family names. Biases,
    /// windows and the scaling of positions are left out.
    ///
    /// # Errors
    /// What the configuration lacks, or asks for and no decoder here does.
    pub fn of_config(name: String, json: &[u8]) -> Result<Self, ConfigError> {
        let config = Config::parse(json)?;
        let architecture = match config.head_norms {
            HeadNorms::None => "llama",
            HeadNorms::QueriesAndKeys => "qwen3",
        };
        Ok(Self {
            name: name.into(),
            architecture,
            layers: config.layers.len(),
            width: config.width,
            inner: config.inner,
            heads: config.heads,
            key_value_heads: config.key_value_heads,
            head_dim: config.head_dim,
            vocabulary: config.vocabulary,
            context: config.context,
            theta: config.rotary.theta,
            tied: config.head == Head::Tied,
        })
    }

    /// Writes a file of random matrices in `format`, of standard deviation
    /// 0.02, and norms of 1. The same seed gives the same bytes.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, path: &Path, format: Format, seed: u64) -> io::Result<()> {
        let mut random = Random(seed);
        let row = |tensor: &NewTensor, row: &mut [u8]| match tensor.rows {
            1 => row.as_chunks_mut().0.fill(1f32.to_le_bytes()),
            _ => random.fill(tensor.format, 0.02, row),
        };
        write(&mut BufWriter::new(File::create(path)?), &self.metadata(), &self.tensors(format), row)
    }

    /// Bytes of its tensors, matrices in `format`.
    #[must_use]
    pub fn bytes(&self, format: Format) -> u64 {
        let bytes = |tensor: &NewTensor| {
            let (numbers, bytes) = tensor.format.block();
            (tensor.rows * tensor.width / numbers * bytes) as u64
        };
        self.tensors(format).iter().map(bytes).sum()
    }

    /// Keys and values of its file.
    #[must_use]
    pub fn metadata(&self) -> Vec<(String, Value)> {
        let own = |key: &str, value: Value| (format!("{}.{key}", self.architecture), value);
        let count = |key: &str, number: usize| own(key, Value::Unsigned(number as u64));
        let mut metadata = vec![
            ("general.architecture".into(), Value::Text(self.architecture.into())),
            ("general.name".into(), Value::Text(format!("random weights in the shape of {}", self.name))),
            count("block_count", self.layers),
            count("context_length", self.context),
            count("embedding_length", self.width),
            count("feed_forward_length", self.inner),
            count("attention.head_count", self.heads),
            count("attention.head_count_kv", self.key_value_heads),
            count("attention.key_length", self.head_dim),
            count("attention.value_length", self.head_dim),
            count("rope.dimension_count", self.head_dim),
            own("attention.layer_norm_rms_epsilon", Value::Float(1e-6)),
            own("rope.freq_base", Value::Float(self.theta)),
        ];
        metadata.extend(self.tokenizer());
        metadata
    }

    /// A byte-level tokenizer of so many tokens: the letters, and then each
    /// token in turn with each letter after it.
    fn tokenizer(&self) -> [(String, Value); 7] {
        let letters: BTreeSet<char> = ByteLevel::alphabet().into_iter().collect();
        let mut tokens: Vec<String> = letters.iter().map(char::to_string).collect();
        let mut merges = Vec::new();
        let normal = self.vocabulary - CONTROL.len();
        for first in 0.. {
            let left = normal.saturating_sub(tokens.len());
            if left == 0 {
                break;
            }
            let first = tokens[first].clone();
            merges.extend(letters.iter().take(left).map(|letter| format!("{first} {letter}")));
            tokens.extend(letters.iter().take(left).map(|letter| format!("{first}{letter}")));
        }
        tokens.extend(CONTROL.map(String::from));
        let kinds = (0..tokens.len()).map(|id| Value::Signed(if id < normal { 1 } else { 3 }));
        let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::Text).collect());
        [
            ("tokenizer.ggml.token_type".into(), Value::List(kinds.collect())),
            ("tokenizer.ggml.model".into(), Value::Text("gpt2".into())),
            ("tokenizer.ggml.pre".into(), Value::Text("qwen2".into())),
            ("tokenizer.ggml.tokens".into(), texts(tokens)),
            ("tokenizer.ggml.merges".into(), texts(merges)),
            ("tokenizer.ggml.eos_token_id".into(), Value::Unsigned(self.vocabulary as u64 - 1)),
            ("tokenizer.chat_template".into(), Value::Text(TEMPLATE.into())),
        ]
    }

    /// Its tensors, matrices in `format` and vectors in `F32`.
    #[must_use]
    pub fn tensors(&self, format: Format) -> Vec<NewTensor> {
        let matrix = |name: String, rows, width| NewTensor { name, rows, width, format };
        let vector = |name: String, width| NewTensor { name, rows: 1, width, format: Format::F32 };
        let (queries, keys) = (self.heads * self.head_dim, self.key_value_heads * self.head_dim);
        let mut tensors = vec![matrix("token_embd.weight".into(), self.vocabulary, self.width)];
        for layer in 0..self.layers {
            let part = |part: &str| format!("blk.{layer}.{part}.weight");
            tensors.push(vector(part("attn_norm"), self.width));
            tensors.push(matrix(part("attn_q"), queries, self.width));
            tensors.push(matrix(part("attn_k"), keys, self.width));
            tensors.push(matrix(part("attn_v"), keys, self.width));
            if self.architecture == "qwen3" {
                tensors.push(vector(part("attn_q_norm"), self.head_dim));
                tensors.push(vector(part("attn_k_norm"), self.head_dim));
            }
            tensors.push(matrix(part("attn_output"), self.width, queries));
            tensors.push(vector(part("ffn_norm"), self.width));
            tensors.push(matrix(part("ffn_gate"), self.inner, self.width));
            tensors.push(matrix(part("ffn_up"), self.inner, self.width));
            tensors.push(matrix(part("ffn_down"), self.width, self.inner));
        }
        tensors.push(vector("output_norm.weight".into(), self.width));
        if !self.tied {
            tensors.push(matrix("output.weight".into(), self.vocabulary, self.width));
        }
        tensors
    }
}
