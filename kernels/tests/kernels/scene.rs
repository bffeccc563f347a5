//! A batch of calls over messages that lie anywhere in a pool of slots, and
//! what each row should be.

use std::num::NonZeroU32;
use std::ops::Range;

use choreo_kernels::{Attention, Block, HeadShape, Kernels, Narrow, Rows, Span};

use crate::Numbers;
use crate::rotary::{rotated, table};
use crate::rows::widened;

/// Keys before rotation, and values, of each token.
pub(crate) struct Message {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// New rows of a message and what they see, as (message, offset).
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) own: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) offset: i32,
    pub(crate) parents: Vec<(usize, i32)>,
    queries: Vec<f32>,
}

pub(crate) struct Scene {
    pub(crate) shape: HeadShape,
    pub(crate) window: Option<NonZeroU32>,
    /// What keys and values are rounded to in their slots.
    pub(crate) numbers: Option<Narrow>,
    pub(crate) lengths: Vec<usize>,
    messages: Vec<Message>,
    pub(crate) calls: Vec<Call>,
}

impl Scene {
    pub(crate) fn new(shape: HeadShape, lengths: &[usize]) -> Self {
        let mut numbers = Numbers(lengths.len() as u64);
        let width = shape.kv_heads * shape.head_dim;
        let message = |len: &usize| Message { keys: numbers.values(len * width), values: numbers.values(len * width) };
        let messages = lengths.iter().map(message).collect();
        Self { shape, window: None, numbers: None, lengths: lengths.to_vec(), messages, calls: Vec::new() }
    }

    /// Adds a call. A row's query depends on its message and index alone.
    pub(crate) fn call(&mut self, own: usize, rows: Range<usize>, view: (i32, &[(usize, i32)])) {
        let width = self.shape.heads * self.shape.head_dim;
        let queries = Numbers(99 + own as u64).values(self.lengths[own] * width);
        self.calls.push(Call {
            own,
            queries: queries[rows.start * width..rows.end * width].to_vec(),
            rows,
            offset: view.0,
            parents: view.1.to_vec(),
        });
    }

    fn scale(&self) -> f32 {
        1.0 / (self.shape.head_dim as f32).sqrt()
    }

    /// Runs all calls in one batch, messages laid out in extents of up to
    /// `extent` tokens in random order in a pool of `slots`.
    pub(crate) fn run(&self, kernels: Kernels, extent: usize, slots: usize) -> Vec<f32> {
        let HeadShape { kv_heads, head_dim, .. } = self.shape;
        let width = kv_heads * head_dim;
        let rotary = table(head_dim, 4000);
        // A slot that nobody owns must not be read.
        let mut keys = vec![f32::NAN; slots * width];
        let mut values = vec![f32::NAN; slots * width];
        let mut extents = Vec::new();
        for (number, length) in self.lengths.iter().enumerate() {
            for index in (0..*length).step_by(extent) {
                extents.push((number, index..(index + extent).min(*length)));
            }
        }
        let mut numbers = Numbers(extent as u64);
        for at in (1..extents.len()).rev() {
            extents.swap(at, numbers.below(at + 1));
        }
        let mut gap = slots - self.lengths.iter().sum::<usize>();
        let mut slot = 0;
        let mut spans = vec![Vec::new(); self.lengths.len()];
        for (number, indices) in extents {
            let skip = numbers.below(gap + 1);
            (slot, gap) = (slot + skip, gap - skip);
            spans[number].push((indices.start, slot, indices.len()));
            for index in indices {
                let (from, to) = (index * width, slot * width);
                let message = &self.messages[number];
                let key = &mut keys[to..to + width];
                key.copy_from_slice(&message.keys[from..from + width]);
                kernels.rotate(&rotary, key, index as i32);
                values[to..to + width].copy_from_slice(&message.values[from..from + width]);
                slot += 1;
            }
        }
        let placed = |list: &mut Vec<Span>, message: usize, offset: i32| {
            let start = list.len();
            let mut parts: Vec<(usize, usize, usize)> = spans[message].clone();
            parts.sort_unstable();
            list.extend(parts.into_iter().map(|(index, slot, len)| Span {
                slot: slot as u32,
                index: index as u32,
                len: len as u32,
                offset,
            }));
            start..list.len()
        };
        let (mut list, mut blocks, mut queries) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = 0;
        for call in &self.calls {
            let start = list.len();
            for (message, offset) in &call.parents {
                placed(&mut list, *message, *offset);
            }
            let seen = start..list.len();
            let own = placed(&mut list, call.own, call.offset);
            blocks.push(Block {
                rows: rows..rows + call.rows.len(),
                first_index: call.rows.start as u32,
                offset: call.offset,
                seen,
                own,
            });
            rows += call.rows.len();
            queries.extend_from_slice(&call.queries);
        }
        let mut out = vec![f32::NAN; queries.len()];
        let rounded = |numbers: Narrow, rows: &[f32]| {
            let mut bytes = vec![0; slots * kv_heads * numbers.bytes(head_dim)];
            kernels.narrow(numbers, head_dim, rows, &mut bytes);
            bytes
        };
        let bytes = self.numbers.map(|numbers| (numbers, rounded(numbers, &keys), rounded(numbers, &values)));
        let (keys, values) = match &bytes {
            Some((numbers, keys, values)) => (Rows::Narrow(*numbers, keys), Rows::Narrow(*numbers, values)),
            None => (Rows::F32(&keys), Rows::F32(&values)),
        };
        let call = Attention {
            shape: self.shape,
            scale: self.scale(),
            window: self.window,
            queries: &queries,
            keys,
            values,
            blocks: &blocks,
            spans: &list,
        };
        kernels.attend(&call, &rotary, &mut out);
        out
    }

    /// What slots hold of the messages once it is rounded: keys are turned by
    /// their index before.
    fn held(&self, numbers: Narrow) -> Vec<Message> {
        let HeadShape { kv_heads, head_dim, .. } = self.shape;
        let kernels = Kernels::scalar();
        let rotary = table(head_dim, 200);
        let hold = |rows: &[f32]| {
            let mut bytes = vec![0; rows.len() / head_dim * numbers.bytes(head_dim)];
            kernels.narrow(numbers, head_dim, rows, &mut bytes);
            let heads = bytes.chunks_exact(numbers.bytes(head_dim));
            heads.flat_map(|head| widened(numbers, head, head_dim)).collect()
        };
        let message = |message: &Message| {
            let mut keys = message.keys.clone();
            for (key, index) in keys.chunks_exact_mut(kv_heads * head_dim).zip(0..) {
                kernels.rotate(&rotary, key, index);
            }
            Message { keys: hold(&keys), values: hold(&message.values) }
        };
        self.messages.iter().map(message).collect()
    }

    /// What the rows should be: everything at its position, in `f64`.
    pub(crate) fn exact(&self) -> Vec<f64> {
        let held = self.numbers.map(|numbers| self.held(numbers));
        let messages = held.as_ref().unwrap_or(&self.messages);
        let mut out = Vec::new();
        for call in &self.calls {
            for row in 0..call.rows.len() {
                for head in 0..self.shape.heads {
                    out.extend(self.exact_head(messages, call, (row, head)));
                }
            }
        }
        out
    }

    fn exact_head(&self, messages: &[Message], call: &Call, (row, head): (usize, usize)) -> Vec<f64> {
        let HeadShape { heads, kv_heads, head_dim } = self.shape;
        let index = call.rows.start + row;
        let mut visible = Vec::new();
        for (message, offset) in &call.parents {
            visible.extend((0..self.lengths[*message]).map(|i| (*message, i, *offset)));
        }
        visible.extend((0..=index).map(|i| (call.own, i, call.offset)));
        let position = |index: usize, offset: i32| i64::from(offset) + index as i64;
        let within = |window: NonZeroU32, at| position(index, call.offset) - at < i64::from(window.get());
        visible.retain(|(_, i, offset)| self.window.is_none_or(|window| within(window, position(*i, *offset))));
        let query = &call.queries[(row * heads + head) * head_dim..][..head_dim];
        let query = rotated(query, head_dim, i64::from(call.offset) + index as i64);
        let at = |token: usize| (token * kv_heads + head / (heads / kv_heads)) * head_dim;
        let scores: Vec<f64> = visible
            .iter()
            .map(|(message, token, offset)| {
                let key = &messages[*message].keys[at(*token)..][..head_dim];
                let turned = if self.numbers.is_some() { 0 } else { *token as i64 };
                let key = rotated(key, head_dim, i64::from(*offset) + turned);
                let dot: f64 = key.iter().zip(&query).map(|(k, q)| k * q).sum();
                dot * f64::from(self.scale())
            })
            .collect();
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut sums = vec![0.0; head_dim];
        for ((message, token, _), weight) in visible.iter().zip(&weights) {
            let values = &messages[*message].values[at(*token)..][..head_dim];
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight / total * f64::from(*value);
            }
        }
        sums
    }
}
