//! A model without floating point. Each slot holds a hash of its token and of
//! the (value, relative position) of everything its row saw, as in a Merkle
//! tree, and the next token is drawn from a hash of the last value. A wrong
//! span, slot or offset, or a parent encoded in the wrong view, changes text.
//!
//! [`Lineage`] says once more, from the calls alone, what the values must be.

use choreo_host::cache::{Plan, TokenId};
use choreo_host::chat::Chat;
use choreo_host::model::{ForwardError, Logits, Model, ModelShape};

/// The tokens that a witness generates.
#[derive(Clone, Debug)]
pub(crate) struct Alphabet {
    /// Likely ones.
    pub(crate) tokens: Vec<TokenId>,
    /// Length of a row of logits.
    pub(crate) vocabulary: usize,
}

/// Letters and spaces, and what ends a message.
pub(crate) fn alphabet(chat: &Chat) -> Alphabet {
    let plain = |token: &_| {
        let bytes = chat.token_bytes(*token);
        !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ')
    };
    let tokens = (0..chat.vocabulary()).map(TokenId).filter(plain);
    Alphabet { tokens: tokens.chain(chat.ends().iter().copied()).collect(), vocabulary: chat.vocabulary() as usize }
}

pub(crate) struct Witness {
    shape: ModelShape,
    rows: Vec<u64>,
    alphabet: Alphabet,
}

impl Witness {
    pub(crate) fn new(slots: usize, alphabet: Alphabet) -> Self {
        let shape =
            ModelShape { name: "witness".into(), vocabulary: alphabet.vocabulary, context: 4096, slots, slot_bytes: 8 };
        // Slots that were never written hold something that is nobody's value.
        Self { shape, rows: vec![0xDEAD_BEEF; slots], alphabet }
    }
}

impl Model for Witness {
    fn shape(&self) -> &ModelShape {
        &self.shape
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        let mut values = Vec::new();
        for block in &plan.blocks {
            for (row, index) in block.rows.clone().zip(block.first_index..) {
                let position = i64::from(block.offset) + i64::from(index);
                let mut seen = Vec::new();
                for span in &plan.spans[block.seen.clone()] {
                    seen.extend((0..span.len).map(|at| (span.slot.0 + at, span.index + at, span.offset)));
                }
                for span in &plan.spans[block.own.clone()] {
                    let entries = (0..span.len).map(|at| (span.slot.0 + at, span.index + at, span.offset));
                    seen.extend(entries.filter(|entry| entry.1 < index));
                }
                let seen = seen.into_iter().map(|(slot, index, offset)| {
                    (self.rows[slot as usize], position - i64::from(offset) - i64::from(index))
                });
                self.rows[plan.slots[row].0 as usize] = value(plan.tokens[row], seen);
            }
        }
        for row in &plan.sampled {
            values.extend(logits(self.rows[plan.slots[*row].0 as usize], &self.alphabet));
        }
        Ok(Logits { vocabulary: self.shape.vocabulary, values })
    }
}

/// What a slot holds: as with attention, the order of what is seen is nothing,
/// its distance everything.
fn value(token: TokenId, seen: impl Iterator<Item = (u64, i64)>) -> u64 {
    let sum = seen.fold(0u64, |sum, (value, distance)| sum.wrapping_add(mix(value ^ mix(distance as u64))));
    mix(sum ^ mix(u64::from(token.0) + 1))
}

fn logits(value: u64, alphabet: &Alphabet) -> Vec<f32> {
    let mut logits = vec![-40.0; alphabet.vocabulary];
    for token in &alphabet.tokens {
        logits[token.0 as usize] = (mix(value ^ u64::from(token.0)) >> 40) as f32 / (1u64 << 22) as f32;
    }
    logits
}

/// A bijection that scatters bits (the last step of SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Messages as the contract means them: no slots, no plans.
pub(crate) struct Lineage {
    alphabet: Alphabet,
    /// Value of the beginning of sequence, which stands at −1 of every view.
    beginning: Option<u64>,
    /// By message: the value of each of its tokens.
    values: Vec<Vec<u64>>,
}

impl Lineage {
    pub(crate) fn new(alphabet: Alphabet, beginning: Option<TokenId>) -> Self {
        let beginning = beginning.map(|token| value(token, std::iter::empty()));
        Self { alphabet, beginning, values: Vec::new() }
    }

    /// Tokens of a message of this lineage.
    pub(crate) fn len(&self, message: usize) -> u32 {
        u32::try_from(self.values[message].len()).unwrap()
    }

    /// Opens a message that sees `parents`, each at an offset, and stands at `offset`.
    pub(crate) fn begin(&mut self, parents: &[(usize, u32)], offset: u32) -> Growing<'_> {
        Growing { parents: parents.to_vec(), offset, own: Vec::new(), lineage: self }
    }
}

/// A message that gets its tokens one after the other.
pub(crate) struct Growing<'a> {
    lineage: &'a mut Lineage,
    parents: Vec<(usize, u32)>,
    offset: u32,
    own: Vec<u64>,
}

impl Growing<'_> {
    pub(crate) fn push(&mut self, token: TokenId) {
        let position = i64::from(self.offset) + self.own.len() as i64;
        let at = |values: &[u64], offset: i64| -> Vec<(u64, i64)> {
            values.iter().zip(offset..).map(|(value, place)| (*value, position - place)).collect()
        };
        let mut seen: Vec<(u64, i64)> = self.lineage.beginning.iter().map(|value| (*value, position + 1)).collect();
        for (parent, offset) in &self.parents {
            seen.extend(at(&self.lineage.values[*parent], i64::from(*offset)));
        }
        seen.extend(at(&self.own, i64::from(self.offset)));
        self.own.push(value(token, seen.into_iter()));
    }

    /// The likeliest next token.
    pub(crate) fn next(&self) -> TokenId {
        let logits = logits(*self.own.last().unwrap(), &self.lineage.alphabet);
        let best = (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
        TokenId(u32::try_from(best).unwrap())
    }

    /// The message is complete; its index in the lineage.
    pub(crate) fn end(self) -> usize {
        self.lineage.values.push(self.own);
        self.lineage.values.len() - 1
    }
}
