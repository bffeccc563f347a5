//! The decoder, from tokens to logits: one for all families, by configuration.
//!
//! Keys are cached rotated by their index inside the message; a query is
//! rotated, span by span, by what is left of the distance. Nothing in the cache
//! is ever rewritten.

use candle_core::{Device, Tensor};
use choreo_kernels::{HeadShape, Kernels, RotaryTable};

use super::bounds::Reach;
use super::config::{Biases, Config, Head, HeadNorms, LayerConfig, Positions, Projections};
use super::matrix::Matrix;
use super::ops::{Attend, Normalise, Product, Rotation, Scatter, SiluGate};
use super::pool::{CacheSize, CacheType, Pool};
use super::weights::{Pairs, Weights};
use super::{ForwardError, LoadError, Logits, Model, ModelShape, Source};
use crate::cache::plan::{Plan, TokenId};

/// Buffers of old checkpoints, which transformers leaves aside as well.
const WITHOUT_EFFECT: &[&str] = &["rotary_emb.inv_freq"];

/// What a decoder may use of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Keys and values that the cache holds; memory is used as they are.
    pub cache_size: CacheSize,
    /// Numbers in which it holds them.
    pub cache_type: CacheType,
    /// Threads that compute.
    pub threads: usize,
}

/// A model and its cache of keys and values.
#[derive(Debug)]
pub struct Decoder {
    shape: ModelShape,
    config: Config,
    kernels: Kernels,
    threads: rayon::ThreadPool,
    cache_type: CacheType,
    rotary: RotaryTable,
    /// For layers in which positions do not matter: it turns nothing.
    unturned: RotaryTable,
    /// `[vocabulary, width]`.
    embedding: Matrix,
    layers: Vec<Layer>,
    /// `[width]`.
    norm: Tensor,
    /// `[vocabulary, width]`.
    head: Matrix,
}

/// One layer; matrices are `[outputs, inputs]`, as in the checkpoint.
#[derive(Debug)]
struct Layer {
    config: LayerConfig,
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    /// `[head_dim]`, of queries and of keys.
    head_norms: Option<(Tensor, Tensor)>,
    output: Linear,
    feed_forward_norm: Tensor,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
    /// Rows of a [`Pool`], rotated by index in the message.
    keys: Tensor,
    /// Rows of a [`Pool`].
    values: Tensor,
}

/// A projection.
#[derive(Debug)]
struct Linear {
    /// `[outputs, inputs]`.
    weight: Matrix,
    /// `[outputs]`.
    bias: Option<Tensor>,
    /// In what order it has its outputs; those of queries and keys must turn.
    pairs: Pairs,
}

/// A plan in the kernels' words.
struct Step {
    tokens: Vec<usize>,
    slots: Vec<usize>,
    indexes: Vec<i32>,
    blocks: Vec<choreo_kernels::Block>,
    spans: Vec<choreo_kernels::Span>,
    sampled: Sampled,
}

/// Rows whose logits are wanted.
enum Sampled {
    None,
    All,
    Some(Tensor),
}

impl Decoder {
    /// Loads the model of a directory and lays out its cache.
    ///
    /// # Errors
    /// A file that is missing, cut short or does not fit the others; anything
    /// of the configuration that is not supported; a cache beyond the memory.
    pub fn load(source: &Source, options: LoadOptions) -> Result<Self, LoadError> {
        let mut config = source.config()?;
        let pool = Pool::new(&config, options.cache_size, options.cache_type)?;
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.max(1))
            .thread_name(|number| format!("model-{number}"))
            .build()
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        let mut weights = Weights::open(source)?;
        if let Some(divisors) = weights.rotary_divisors(config.rotary.turned() / 2)? {
            config.rotary.divide(divisors);
        }
        let embedding = weights.matrix("model.embed_tokens.weight", [config.vocabulary, config.width])?;
        let layers: Result<Vec<_>, _> =
            (0..config.layers.len()).map(|number| Layer::take(&mut weights, &config, &pool, number)).collect();
        let layers = layers?;
        let norm = weights.vector("model.norm.weight", config.width)?;
        let head = match config.head {
            Head::Own => weights.matrix("lm_head.weight", [config.vocabulary, config.width])?,
            Head::Tied => embedding.clone(),
        };
        match config.head {
            Head::Own => weights.finish(WITHOUT_EFFECT)?,
            // Some checkpoints store the head a second time.
            Head::Tied => weights.finish(&[WITHOUT_EFFECT, &["lm_head.weight"]].concat())?,
        }
        let shape = ModelShape {
            name: source.name(),
            vocabulary: config.vocabulary,
            context: config.context,
            slots: pool.slots(),
            slot_bytes: pool.slot_bytes(),
        };
        let rotary = RotaryTable::new(config.head_dim, config.rotary.frequencies());
        let unturned = RotaryTable::new(config.head_dim, Vec::new());
        let kernels = Kernels::detect();
        let cache_type = options.cache_type;
        Ok(Self { shape, config, kernels, threads, cache_type, rotary, unturned, embedding, layers, norm, head })
    }

    /// Logits `[sampled, vocabulary]`.
    fn run(&self, step: &Step) -> candle_core::Result<Vec<f32>> {
        let rows = self.embedding.gather(self.kernels, &step.tokens);
        let mut rows = Tensor::from_vec(rows, (step.tokens.len(), self.config.width), &Device::Cpu)?;
        for layer in &self.layers {
            rows = (&rows + self.attention(layer, &rows, step)?)?;
            rows = (&rows + self.feed_forward(layer, &rows)?)?;
        }
        let rows = match &step.sampled {
            Sampled::None => return Ok(Vec::new()),
            Sampled::All => rows,
            Sampled::Some(sampled) => rows.index_select(sampled, 0)?,
        };
        let rows = self.normalise(&rows, &self.norm)?;
        self.product(&rows, &self.head)?.flatten_all()?.to_vec1()
    }

    fn attention(&self, layer: &Layer, rows: &Tensor, step: &Step) -> candle_core::Result<Tensor> {
        let rows = self.normalise(rows, &layer.attention_norm)?;
        let mut queries = self.project(&rows, &layer.query)?;
        let mut keys = self.project(&rows, &layer.key)?;
        let values = self.project(&rows, &layer.value)?;
        if let Some((of_queries, of_keys)) = &layer.head_norms {
            queries = self.normalise(&queries, of_queries)?;
            keys = self.normalise(&keys, of_keys)?;
        }
        let kernels = self.kernels;
        let (table, magnitude) = match layer.config.positions {
            Positions::Rotary => (&self.rotary, self.config.rotary.magnitude()),
            Positions::None => (&self.unturned, 1.0),
        };
        let (head_dim, numbers) = (self.config.head_dim, self.cache_type.numbers());
        let scatter = |rotation| Scatter { kernels, head_dim, numbers, slots: &step.slots, rotation };
        let rotation = Rotation { table, indexes: &step.indexes };
        // A plan may hold a message and its children: all is written before any is read.
        layer.keys.inplace_op2(&keys, &scatter(Some(rotation)))?;
        layer.values.inplace_op2(&values, &scatter(None))?;
        let attend = Attend {
            kernels,
            numbers,
            shape: HeadShape {
                heads: self.config.heads,
                kv_heads: self.config.key_value_heads,
                head_dim: self.config.head_dim,
            },
            // The magnitude of a key and that of a query, neither of which is cached.
            scale: magnitude.powi(2) as f32 / (self.config.head_dim as f32).sqrt(),
            window: layer.config.window,
            table,
            blocks: &step.blocks,
            spans: &step.spans,
        };
        let seen = queries.apply_op3_no_bwd(&layer.keys, &layer.values, &attend)?;
        self.project(&seen, &layer.output)
    }

    fn feed_forward(&self, layer: &Layer, rows: &Tensor) -> candle_core::Result<Tensor> {
        let rows = self.normalise(rows, &layer.feed_forward_norm)?;
        let gate = self.product(&rows, &layer.gate)?;
        let up = self.product(&rows, &layer.up)?;
        self.product(&gate.apply_op2_no_bwd(&up, &SiluGate(self.kernels))?, &layer.down)
    }

    fn project(&self, rows: &Tensor, linear: &Linear) -> candle_core::Result<Tensor> {
        let out = self.product(rows, &linear.weight)?;
        let out = match &linear.bias {
            None => out,
            Some(bias) => out.broadcast_add(bias)?,
        };
        match linear.pairs {
            Pairs::Halves => Ok(out),
            Pairs::Together => {
                let (rows, outputs) = out.dims2()?;
                let half = self.config.head_dim / 2;
                let pairs = out.reshape((rows, outputs / (2 * half), half, 2))?;
                pairs.transpose(2, 3)?.reshape((rows, outputs))
            }
        }
    }

    /// Norms of rows as wide as the weight: of whole rows, or of their heads.
    fn normalise(&self, rows: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        let epsilon = self.config.epsilon as f32;
        rows.apply_op2_no_bwd(weight, &Normalise { kernels: self.kernels, epsilon })
    }

    fn product(&self, rows: &Tensor, weights: &Matrix) -> candle_core::Result<Tensor> {
        rows.apply_op1_no_bwd(&Product { kernels: self.kernels, weights })
    }
}

impl Model for Decoder {
    fn shape(&self) -> &ModelShape {
        &self.shape
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        let reach = Reach::check(plan, &self.shape)?;
        let vocabulary = self.shape.vocabulary;
        if plan.tokens.is_empty() {
            return Ok(Logits { vocabulary, values: Vec::new() });
        }
        self.rotary.ensure(reach.distance);
        self.unturned.ensure(reach.distance);
        let decoder = &*self;
        let logits = self.threads.install(|| decoder.run(&Step::new(plan)?));
        logits
            .map(|values| Logits { vocabulary, values })
            .map_err(|error| ForwardError(format!("the model's forward pass failed: {error}")))
    }
}

impl Layer {
    fn take(weights: &mut Weights, config: &Config, pool: &Pool, number: usize) -> Result<Self, LoadError> {
        let Config { width, inner, .. } = *config;
        let queries = config.heads * config.head_dim;
        let keys = config.key_value_heads * config.head_dim;
        let prefix = format!("model.layers.{number}.");
        let mut norm = |part: &str, len| weights.vector(&format!("{prefix}{part}.weight"), len);
        let attention_norm = norm("input_layernorm", width)?;
        let feed_forward_norm = norm("post_attention_layernorm", width)?;
        let head_norms = match config.head_norms {
            HeadNorms::None => None,
            HeadNorms::QueriesAndKeys => {
                Some((norm("self_attn.q_norm", config.head_dim)?, norm("self_attn.k_norm", config.head_dim)?))
            }
        };
        let mut matrix = |part: &str, shape| weights.matrix(&format!("{prefix}{part}.weight"), shape);
        let ([query, key, value], [gate, up]) = match config.projections {
            Projections::Apart => {
                let query = matrix("self_attn.q_proj", [queries, width])?;
                let key = matrix("self_attn.k_proj", [keys, width])?;
                let value = matrix("self_attn.v_proj", [keys, width])?;
                let gate = matrix("mlp.gate_proj", [inner, width])?;
                ([query, key, value], [gate, matrix("mlp.up_proj", [inner, width])?])
            }
            Projections::Fused => {
                let all = matrix("self_attn.qkv_proj", [queries + 2 * keys, width])?;
                let (key, value) = (queries..queries + keys, queries + keys..queries + 2 * keys);
                let both = matrix("mlp.gate_up_proj", [2 * inner, width])?;
                (
                    [0..queries, key, value].map(|rows| all.part(rows)),
                    [0..inner, inner..2 * inner].map(|rows| both.part(rows)),
                )
            }
        };
        let output = matrix("self_attn.o_proj", [width, queries])?;
        let down = matrix("mlp.down_proj", [width, inner])?;
        let mut linear = |part: &str, weight: Matrix, with: &[Biases]| {
            let bias = match with.contains(&config.biases) {
                true => Some(weights.vector(&format!("{prefix}self_attn.{part}.bias"), weight.rows())?),
                false => None,
            };
            let pairs = match part {
                "q_proj" | "k_proj" => weights.pairs(),
                _ => Pairs::Halves,
            };
            Ok::<_, LoadError>(Linear { weight, bias, pairs })
        };
        let inputs = [Biases::Inputs, Biases::Attention];
        Ok(Self {
            config: config.layers[number],
            attention_norm,
            query: linear("q_proj", query, &inputs)?,
            key: linear("k_proj", key, &inputs)?,
            value: linear("v_proj", value, &inputs)?,
            head_norms,
            output: linear("o_proj", output, &[Biases::Attention])?,
            feed_forward_norm,
            gate,
            up,
            down,
            keys: pool.allocate()?,
            values: pool.allocate()?,
        })
    }
}

impl Step {
    /// The plan must have been checked.
    fn new(plan: &Plan) -> candle_core::Result<Self> {
        let rows = plan.tokens.len();
        let sampled = match plan.sampled.len() {
            0 => Sampled::None,
            all if all == rows => Sampled::All,
            _ => {
                let sampled: Vec<u32> = plan.sampled.iter().map(|row| *row as u32).collect();
                Sampled::Some(Tensor::new(sampled, &Device::Cpu)?)
            }
        };
        let blocks = plan.blocks.iter().map(|block| choreo_kernels::Block {
            rows: block.rows.clone(),
            first_index: block.first_index,
            offset: block.offset,
            seen: block.seen.clone(),
            own: block.own.clone(),
        });
        let spans = plan.spans.iter().map(|span| choreo_kernels::Span {
            slot: span.slot.0,
            index: span.index,
            len: span.len,
            offset: span.offset,
        });
        Ok(Self {
            tokens: plan.tokens.iter().map(|&TokenId(token)| token as usize).collect(),
            slots: plan.slots.iter().map(|slot| slot.0 as usize).collect(),
            indexes: plan.indexes.iter().map(|index| *index as i32).collect(),
            blocks: blocks.collect(),
            spans: spans.collect(),
            sampled,
        })
    }
}
