//! The decoder against logits of outside implementations, and against the
//! dense reference on graphs of messages.

mod families;
mod gguf;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use choreo_host::cache::plan::{Block, MessageId, Plan, Slot, Span, TokenId};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use proptest::prelude::*;
use safetensors::SafeTensors;

use crate::reference::{Message, Mistake, Reference};

const TINY: [&str; 3] = ["scaled", "tied", "plain"];
const SLOTS: usize = 600;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn decoder(source: Source, slots: usize) -> Decoder {
    caching(CacheType::F32, source, slots)
}

fn caching(cache_type: CacheType, source: Source, slots: usize) -> Decoder {
    let options = LoadOptions { cache_size: CacheSize::Tokens(slots), cache_type, threads: 2 };
    Decoder::load(&source, options).expect("the golden model loads")
}

fn tiny(name: &str) -> Decoder {
    decoder(Source::Directory(folder(name)), SLOTS)
}

/// What the outside implementation gave.
struct Golden {
    tokens: Vec<u32>,
    /// One row a token, or for the last of every so many tokens.
    logits: Vec<Vec<f32>>,
}

fn golden(name: &str) -> Result<Golden> {
    let bytes = std::fs::read(folder(name).join("golden.safetensors"))?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let tokens = tensors.tensor("tokens")?.data().as_chunks().0.iter();
    let logits = tensors.tensor("logits")?;
    let vocabulary = *logits.shape().last().context("logits of no shape")?;
    let values: Vec<f32> = logits.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(Golden {
        tokens: tokens.map(|bytes| u32::from_le_bytes(*bytes)).collect(),
        logits: values.chunks(vocabulary).map(<[f32]>::to_vec).collect(),
    })
}

/// A graph's messages in the slots of a cache, each in extents of `extent`
/// slots that lie apart and not in order.
struct Placed<'a> {
    messages: &'a [Message],
    extent: u32,
}

impl Placed<'_> {
    /// Tokens `from..to` of a message and what they see, at the plan's end.
    fn add(&self, plan: &mut Plan, message: usize, from: usize, to: usize) {
        let Message { tokens, offset, parents } = &self.messages[message];
        let first_row = plan.tokens.len();
        let first_span = plan.spans.len();
        for (parent, offset) in parents {
            self.spans(plan, *parent, self.messages[*parent].tokens.len(), *offset);
        }
        let own = plan.spans.len();
        self.spans(plan, message, to, *offset);
        plan.tokens.extend(tokens[from..to].iter().map(|token| TokenId(*token)));
        plan.indexes.extend(from as u32..to as u32);
        plan.slots.extend((from..to).map(|index| Slot(self.slot(message, index as u32))));
        plan.sampled.extend(first_row..plan.tokens.len());
        plan.blocks.push(Block {
            message: MessageId(message as u64),
            rows: first_row..plan.tokens.len(),
            first_index: from as u32,
            offset: *offset as i32,
            seen: first_span..own,
            own: own..plan.spans.len(),
        });
    }

    fn spans(&self, plan: &mut Plan, message: usize, len: usize, offset: i64) {
        for index in (0..len as u32).step_by(self.extent as usize) {
            plan.spans.push(Span {
                slot: Slot(self.slot(message, index)),
                index,
                len: self.extent.min(len as u32 - index),
                offset: offset as i32,
            });
        }
    }

    /// Extents are dealt from the cache's end.
    fn slot(&self, message: usize, index: u32) -> u32 {
        let extents = |message: &Message| (message.tokens.len() as u32).div_ceil(self.extent);
        let before: u32 = self.messages[..message].iter().map(extents).sum();
        SLOTS as u32 - (before + index / self.extent + 1) * self.extent + index % self.extent
    }

    /// All messages in one forward pass.
    fn whole(&self) -> Plan {
        let mut plan = Plan::default();
        for (message, content) in self.messages.iter().enumerate() {
            self.add(&mut plan, message, 0, content.tokens.len());
        }
        plan
    }
}

fn forward(decoder: &mut Decoder, plan: &Plan) -> Vec<Vec<f32>> {
    let logits = decoder.forward(plan).expect("the plan is good");
    logits.values.chunks(logits.vocabulary).map(<[f32]>::to_vec).collect()
}

/// Largest difference, relative to the largest expected magnitude.
#[track_caller]
fn difference(found: &[Vec<f32>], expected: &[Vec<f64>]) -> f64 {
    assert_eq!(found.len(), expected.len(), "rows");
    let pairs = found.iter().zip(expected).flat_map(|(found, expected)| {
        assert_eq!(found.len(), expected.len(), "vocabulary");
        found.iter().zip(expected)
    });
    let (mut largest, mut scale) = (0f64, 0f64);
    for (found, expected) in pairs {
        assert!(found.is_finite());
        largest = largest.max((f64::from(*found) - expected).abs());
        scale = scale.max(expected.abs());
    }
    largest / scale
}

fn wide(rows: &[Vec<f32>]) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
}

fn single(tokens: &[u32]) -> Message {
    Message { tokens: tokens.to_vec(), offset: 0, parents: vec![] }
}

/// The prompt in one pass and then a token a step, as the golden was made; gives the difference.
fn check_golden(source: Source, name: &str) -> Result<f64> {
    let golden = golden(name)?;
    let mut decoder = decoder(source, SLOTS);
    let messages = [single(&golden.tokens)];
    let placed = Placed { messages: &messages, extent: 48 };
    let prompt = golden.tokens.len() / 5 * 4;
    let mut plan = Plan::default();
    placed.add(&mut plan, 0, 0, prompt);
    let mut found = forward(&mut decoder, &plan);
    for index in prompt..golden.tokens.len() {
        let mut plan = Plan::default();
        placed.add(&mut plan, 0, index, index + 1);
        found.extend(forward(&mut decoder, &plan));
    }
    let every = golden.tokens.len() / golden.logits.len();
    let kept: Vec<Vec<f32>> = found.iter().skip(every - 1).step_by(every).cloned().collect();
    let moved = difference(&kept, &wide(&golden.logits));
    assert!(moved <= 1e-4, "{name}: {moved:e}; weights that changed need tests/golden/make.py again");
    for (row, token) in found.iter().zip(&golden.tokens[1..]).skip(prompt - 1) {
        let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        assert_eq!(best, Some(*token as usize), "{name}: greedy tokens");
    }
    Ok(moved)
}

#[test]
fn tiny_models_give_the_logits_of_transformers() -> Result<()> {
    for name in TINY {
        let moved = check_golden(Source::Directory(folder(name)), name)?;
        println!("{name}: largest difference of logits {moved:.2e} of their scale");
    }
    Ok(())
}

#[test]
fn the_default_model_gives_the_logits_of_transformers() -> Result<()> {
    let moved = check_golden(Source::Embedded, "default")?;
    println!("default: largest difference of logits {moved:.2e} of their scale");
    Ok(())
}

#[test]
fn a_chain_of_messages_in_one_pass_is_the_conversation() -> Result<()> {
    for name in TINY {
        println!("{name} as a chain: {:.2e}", check_chain(name, &[1, 70, 3, 50, 25, 101])?);
    }
    Ok(())
}

/// The golden's tokens as messages of these lengths, each after all before it; gives the difference.
fn check_chain(name: &str, lengths: &[usize]) -> Result<f64> {
    let golden = golden(name)?;
    let mut messages: Vec<Message> = Vec::new();
    let mut start = 0;
    for len in lengths {
        let parents = messages.iter().map(|message| message.offset).enumerate().collect();
        let tokens = golden.tokens[start..start + len].to_vec();
        messages.push(Message { tokens, offset: start as i64, parents });
        start += len;
    }
    assert_eq!(start, golden.tokens.len());
    let found = forward(&mut tiny(name), &Placed { messages: &messages, extent: 16 }.whole());
    let moved = difference(&found, &wide(&golden.logits));
    assert!(moved <= 1e-4, "{name}: {moved:e}");
    Ok(moved)
}

#[test]
fn scaling_grouping_and_rotation_each_show() -> Result<()> {
    let golden = golden("scaled")?;
    let reference = Reference::load(&folder("scaled"))?;
    let found = forward(&mut tiny("scaled"), &Placed { messages: &[single(&golden.tokens)], extent: 600 }.whole());
    let moved = |mistake| {
        let expected = reference.logits(&[single(&golden.tokens)], mistake);
        difference(&found, &expected[0])
    };
    let right = moved(Mistake::None);
    println!("scaled against the reference: {right:.2e}");
    assert!(right <= 1e-4, "{right:e}");
    for mistake in [Mistake::Scaling, Mistake::Grouping, Mistake::Rotation] {
        let wrong = moved(mistake);
        println!("without {mistake:?}: {wrong:.2e}");
        assert!(wrong > 1e-2, "{mistake:?}: {wrong:e}");
    }
    Ok(())
}

#[test]
fn tied_model_gives_the_logits_of_candle_transformers() -> Result<()> {
    use candle_core::{DType, Device, IndexOp, Tensor};
    use candle_transformers::models::llama::{Cache, Llama, LlamaConfig};

    let golden = golden("tied")?;
    let directory = folder("tied");
    let config: LlamaConfig = serde_json::from_slice(&std::fs::read(directory.join("config.json"))?)?;
    let config = config.into_config(false);
    let weights = std::fs::read(directory.join("model.safetensors"))?;
    let weights = candle_nn::VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let llama = Llama::load(weights, &config)?;
    let mut cache = Cache::new(true, DType::F32, &config, &Device::Cpu)?;
    let mut expected = Vec::new();
    for (index, token) in golden.tokens.iter().enumerate() {
        let logits = llama.forward(&Tensor::new(&[[*token]], &Device::Cpu)?, index, &mut cache)?;
        expected.push(logits.i(0)?.to_vec1::<f32>()?);
    }
    let messages = [single(&golden.tokens)];
    let found = forward(&mut tiny("tied"), &Placed { messages: &messages, extent: 32 }.whole());
    let moved = difference(&found, &wide(&expected));
    println!("tied against candle-transformers: {moved:.2e}");
    assert!(moved <= 1e-4, "{moved:e}");
    Ok(())
}

/// Up to 8 messages; each sees some of the earlier ones, in any order, twice
/// at times, with gaps and overlaps, and all see the first at −1.
fn graphs() -> impl Strategy<Value = Vec<Message>> {
    let message = (
        prop::collection::vec(0u32..64, 1..24),
        0i64..90,
        prop::collection::vec((any::<prop::sample::Index>(), 0i64..90), 0..4),
    );
    prop::collection::vec(message, 1..8).prop_map(|parts| {
        let mut messages = vec![Message { tokens: vec![0], offset: -1, parents: vec![] }];
        for (tokens, offset, chosen) in parts {
            let choose = |(index, offset): &(prop::sample::Index, i64)| match messages.len() {
                1 => None,
                len => Some((1 + index.index(len - 1), *offset)),
            };
            let parents = [(0, -1)].into_iter().chain(chosen.iter().filter_map(choose)).collect();
            messages.push(Message { tokens, offset, parents });
        }
        messages
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_graph_in_one_pass_is_the_dense_reference(messages in graphs(), extent in 1u32..20) {
        for name in ["scaled", "mistral", "qwen2"] {
            let expected = Reference::load(&folder(name)).expect("golden").logits(&messages, Mistake::None);
            let found = forward(&mut tiny(name), &Placed { messages: &messages, extent }.whole());
            let moved = difference(&found, &expected.concat());
            prop_assert!(moved <= 1e-4, "{}: {:e}", name, moved);
        }
    }

    #[test]
    fn a_row_is_the_same_bits_in_any_batch(messages in graphs(), extents in (1u32..20, 1u32..20)) {
        for (name, cache_type) in [("scaled", CacheType::F32)].into_iter().chain(CacheType::ALL.map(|each| ("qwen2", each))) {
            let caching = || caching(cache_type, Source::Directory(folder(name)), SLOTS);
            let together = forward(&mut caching(), &Placed { messages: &messages, extent: extents.0 }.whole());
            let placed = Placed { messages: &messages, extent: extents.1 };
            let mut alone = caching();
            let mut rows = Vec::new();
            for (message, content) in messages.iter().enumerate() {
                for index in 0..content.tokens.len() {
                    let mut plan = Plan::default();
                    placed.add(&mut plan, message, index, index + 1);
                    rows.extend(forward(&mut alone, &plan));
                }
            }
            prop_assert!(together == rows, "{name}, {cache_type}");
        }
    }
}
