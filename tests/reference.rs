//! What a graph of messages means, defined a second time: dense, slow, in
//! `f64`, and nothing of the host's. Each call copies its parents' keys, turns
//! the copies to where the call places them, and masks a square of scores.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// A message of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// At least one.
    pub(crate) tokens: Vec<u32>,
    /// Position of its first token in its own view.
    pub(crate) offset: i64,
    /// Earlier messages of the graph that it sees, and the position of the
    /// first token of each in its view. A beginning-of-sequence token is a
    /// message of its own that all others list at −1.
    pub(crate) parents: Vec<(usize, i64)>,
}

/// What is done wrong, to see that it would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// All is done right.
    None,
    /// Frequencies are not scaled.
    Scaling,
    /// Query heads read the wrong key heads.
    Grouping,
    /// Neither keys nor queries are rotated.
    Rotation,
}

/// A Llama of a Hugging Face directory.
pub(crate) struct Reference {
    config: Value,
    weights: HashMap<String, Matrix>,
}

/// `[rows, width]`; a vector has one row.
struct Matrix {
    width: usize,
    values: Vec<f64>,
}

/// How a layer sees a message's rows.
struct View {
    /// Position of the first row.
    offset: i64,
    window: Option<i64>,
    mistake: Mistake,
}

/// One layer's memory of one message.
struct Cached {
    /// `[tokens, key heads × head_dim]`, not rotated.
    keys: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
}

impl Reference {
    /// Reads the directory's configuration and every weights file in it.
    pub(crate) fn load(directory: &Path) -> Result<Self> {
        let config = serde_json::from_slice(&std::fs::read(directory.join("config.json"))?)?;
        let mut weights = HashMap::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("model") && name.ends_with(".safetensors") {
                let bytes = std::fs::read(&path)?;
                for (name, view) in SafeTensors::deserialize(&bytes)?.tensors() {
                    let width = *view.shape().last().context("a scalar")?;
                    weights.insert(name, Matrix { width, values: to_f64(view.dtype(), view.data())? });
                }
            }
        }
        ensure!(!weights.is_empty(), "no weights in {}", directory.display());
        Ok(Self { config, weights })
    }

    /// Logits of every token of every message: `[message][token][vocabulary]`.
    pub(crate) fn logits(&self, messages: &[Message], mistake: Mistake) -> Vec<Vec<Vec<f64>>> {
        let mut graph: Vec<Vec<Cached>> = Vec::new();
        let mut logits = Vec::new();
        for message in messages {
            let embedding = self.weight("model.embed_tokens");
            let mut rows: Vec<Vec<f64>> =
                message.tokens.iter().map(|token| embedding.row(*token as usize).to_vec()).collect();
            let mut memory = Vec::new();
            let layers = self.count("num_hidden_layers");
            while memory.len() < layers {
                let layer = memory.len();
                let prefix = format!("model.layers.{layer}");
                let normal = self.normalise(&rows, &format!("{prefix}.input_layernorm"));
                let project = |part: &str| self.product(&normal, &format!("{prefix}.self_attn.{part}_proj"));
                let own = Cached { keys: project("k"), values: project("v") };
                let parent = |(parent, offset): &(usize, i64)| (&graph[*parent][layer], *offset);
                let parents: Vec<(&Cached, i64)> = message.parents.iter().map(parent).collect();
                let view = View { offset: message.offset, window: self.window(layer), mistake };
                let seen = self.attention(&project("q"), &parents, &own, view);
                memory.push(own);
                add(&mut rows, &self.product(&seen, &format!("{prefix}.self_attn.o_proj")));
                let normal = self.normalise(&rows, &format!("{prefix}.post_attention_layernorm"));
                let mut gate = self.product(&normal, &format!("{prefix}.mlp.gate_proj"));
                let up = self.product(&normal, &format!("{prefix}.mlp.up_proj"));
                for (gate, up) in gate.iter_mut().flatten().zip(up.iter().flatten()) {
                    *gate = *gate / (1.0 + (-*gate).exp()) * up;
                }
                add(&mut rows, &self.product(&gate, &format!("{prefix}.mlp.down_proj")));
            }
            graph.push(memory);
            let head = match self.weights.contains_key("lm_head.weight") {
                true => "lm_head",
                false => "model.embed_tokens",
            };
            logits.push(self.product(&self.normalise(&rows, "model.norm"), head));
        }
        logits
    }

    fn attention(
        &self,
        queries: &[Vec<f64>],
        parents: &[(&Cached, i64)],
        own: &Cached,
        View { offset, window, mistake }: View,
    ) -> Vec<Vec<f64>> {
        let (heads, key_heads) = (self.count("num_attention_heads"), self.count("num_key_value_heads"));
        let head_dim = queries[0].len() / heads;
        let frequencies = self.frequencies(head_dim, mistake);
        let mut keys = Vec::new();
        let mut positions = Vec::new();
        let mut values = Vec::new();
        for (cached, place) in parents.iter().chain([&(own, offset)]) {
            for (index, key) in cached.keys.iter().enumerate() {
                positions.push(place + index as i64);
                keys.push(turned(key, place + index as i64, &frequencies));
            }
            values.extend(&cached.values);
        }
        let before = keys.len() - queries.len();
        let mut out = Vec::new();
        for (row, query) in queries.iter().enumerate() {
            let position = offset + row as i64;
            let query = turned(query, position, &frequencies);
            let within = |column: usize| window.is_none_or(|window| position - positions[column] < window);
            let mut seen = vec![0.0; query.len()];
            for head in 0..heads {
                let key_head = match mistake {
                    Mistake::Grouping => head % key_heads,
                    _ => head / (heads / key_heads),
                };
                let part = head * head_dim..(head + 1) * head_dim;
                let key_part = key_head * head_dim..(key_head + 1) * head_dim;
                let scores: Vec<f64> = (0..keys.len())
                    .map(|column| match column <= before + row && within(column) {
                        true => dot(&query[part.clone()], &keys[column][key_part.clone()]) / (head_dim as f64).sqrt(),
                        false => f64::NEG_INFINITY,
                    })
                    .collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
                for (score, value) in scores.iter().zip(&values) {
                    let weight = (score - largest).exp() / total;
                    for (seen, value) in seen[part.clone()].iter_mut().zip(&value[key_part.clone()]) {
                        *seen += weight * value;
                    }
                }
            }
            out.push(seen);
        }
        out
    }

    /// How many positions a row of a layer looks back, itself among them.
    fn window(&self, layer: usize) -> Option<i64> {
        let first = match self.config["model_type"].as_str() {
            Some("mistral") => 0,
            Some("qwen2") => self.count("max_window_layers"),
            _ => return None,
        };
        self.config["sliding_window"].as_i64().filter(|_| layer >= first)
    }

    /// Radians per position of each pair of a head.
    fn frequencies(&self, head_dim: usize, mistake: Mistake) -> Vec<f64> {
        let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64);
        let nested = ["rope_parameters", "rope_scaling"];
        let rope = nested.iter().filter_map(|key| self.config.get(*key)).find(|rope| rope.is_object());
        let theta = number(&self.config, "rope_theta").or_else(|| number(rope?, "rope_theta"));
        let theta = theta.unwrap_or(10_000.0);
        let plain = (0..head_dim / 2).map(|pair| theta.powf(-2.0 * pair as f64 / head_dim as f64));
        match (mistake, rope.and_then(|rope| number(rope, "factor").map(|factor| (rope, factor)))) {
            (Mistake::Rotation, _) => vec![0.0; head_dim / 2],
            (Mistake::Scaling, _) | (_, None) => plain.collect(),
            (_, Some((rope, factor))) => {
                let part = |key: &str| number(rope, key).unwrap_or(f64::NAN);
                let (low, high) = (part("low_freq_factor"), part("high_freq_factor"));
                let original = part("original_max_position_embeddings");
                // By wavelengths, as the model's authors write it.
                plain
                    .map(|frequency| {
                        let wavelength = std::f64::consts::TAU / frequency;
                        if wavelength < original / high {
                            return frequency;
                        }
                        if wavelength > original / low {
                            return frequency / factor;
                        }
                        let smooth = (original / wavelength - low) / (high - low);
                        (1.0 - smooth) * frequency / factor + smooth * frequency
                    })
                    .collect()
            }
        }
    }

    fn normalise(&self, rows: &[Vec<f64>], name: &str) -> Vec<Vec<f64>> {
        let weight = self.weight(name);
        let epsilon = self.config["rms_norm_eps"].as_f64().expect("rms_norm_eps");
        let normal = |row: &Vec<f64>| {
            let factor = 1.0 / (dot(row, row) / row.len() as f64 + epsilon).sqrt();
            row.iter().zip(&weight.values).map(|(value, weight)| value * factor * weight).collect()
        };
        rows.iter().map(normal).collect()
    }

    fn product(&self, rows: &[Vec<f64>], name: &str) -> Vec<Vec<f64>> {
        let weight = self.weight(name);
        let outputs = |row: &Vec<f64>| weight.values.chunks(weight.width).map(|each| dot(row, each)).collect();
        let mut out: Vec<Vec<f64>> = rows.iter().map(outputs).collect();
        if let Some(bias) = self.weights.get(&format!("{name}.bias")) {
            out.iter_mut().flat_map(|row| row.iter_mut().zip(&bias.values)).for_each(|(value, bias)| *value += bias);
        }
        out
    }

    fn weight(&self, name: &str) -> &Matrix {
        let name = format!("{name}.weight");
        self.weights.get(&name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn count(&self, key: &str) -> usize {
        self.config[key].as_u64().unwrap_or_else(|| panic!("no {key}")) as usize
    }
}

impl Matrix {
    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }
}

/// A row of heads turned to a position; entry `j` of a head turns with entry
/// `j + head_dim / 2`.
fn turned(row: &[f64], position: i64, frequencies: &[f64]) -> Vec<f64> {
    let half = frequencies.len();
    let mut out = row.to_vec();
    for head in out.chunks_mut(2 * half) {
        for (pair, frequency) in frequencies.iter().enumerate() {
            let (sine, cosine) = (position as f64 * frequency).sin_cos();
            let (low, high) = (head[pair], head[pair + half]);
            head[pair] = low * cosine - high * sine;
            head[pair + half] = high * cosine + low * sine;
        }
    }
    out
}

fn add(rows: &mut [Vec<f64>], more: &[Vec<f64>]) {
    for (value, more) in rows.iter_mut().flatten().zip(more.iter().flatten()) {
        *value += more;
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn to_f64(dtype: Dtype, data: &[u8]) -> Result<Vec<f64>> {
    let pairs = || data.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    match dtype {
        Dtype::F32 => Ok(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect()),
        Dtype::BF16 => Ok(pairs().map(|bits| f32::from_bits(u32::from(bits) << 16).into()).collect()),
        Dtype::F16 => Ok(pairs().map(half_precision).collect()),
        _ => anyhow::bail!("weights of {dtype:?}"),
    }
}

fn half_precision(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        exponent => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}
