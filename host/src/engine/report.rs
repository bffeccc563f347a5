//! What a run cost, message by message.

use serde::Serialize;

use super::call::Number;

/// Characters of a message's text in a report.
const TEXT: usize = 80;

/// How a text begins, as reports have it.
pub(super) fn beginning(text: &str) -> &str {
    text.char_indices().nth(TEXT).map_or(text, |(end, _)| &text[..end])
}

/// One run's account; times in milliseconds since the run was opened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// How parents were honoured.
    pub mode: String,
    /// Name of the model.
    pub model: String,
    /// Seed of the run.
    pub seed: u64,
    /// Calls that the engine served.
    pub calls: u64,
    /// Tokens that went through the model for the first time.
    pub encoded: u64,
    /// Tokens that went through it again, since other messages had taken their
    /// room in the cache: at the host's expense, in no budget of the run.
    pub encoded_again: u64,
    /// Tokens of messages that were there already, identical, and were not
    /// encoded for this run.
    pub shared: u64,
    /// Cached tokens that calls saw instead of encoding them again.
    pub reused: u64,
    /// Tokens generated.
    pub generated: u64,
    /// Largest number of bytes of keys and values that its messages held at once; in
    /// mode `prefix` those of lanes alone, after the prompts that are shared.
    pub peak_cache_bytes: u64,
    /// The same of all messages of all runs, and of those that are only there to
    /// be found: alone in a process that began with an empty cache, what the run's
    /// mode takes.
    pub peak_pool_bytes: u64,
    /// Time during which at least one lane was decoding.
    pub decode_ms: f64,
    /// From the run's opening to its report.
    pub total_ms: f64,
    /// In the order in which they were made.
    pub messages: Vec<MessageReport>,
}

/// One message's account; times in milliseconds since the run was opened.
#[derive(Clone, Debug, Serialize)]
pub struct MessageReport {
    /// Its number in the run.
    pub id: Number,
    /// `system`, `user`, `assistant`, `tool` or `raw`.
    pub role: &'static str,
    /// The speaker's name.
    pub name: Option<String>,
    /// How its text begins.
    pub text: String,
    /// What it sees, as placed.
    pub parents: Vec<PlacedReport>,
    /// Where it stands in its own view.
    pub offset: u32,
    /// Tokens it has, role and end-of-message tokens included.
    pub tokens: u32,
    /// Tokens of its own, or of its prompt in a baseline mode, that went through the model.
    pub encoded: u32,
    /// Tokens of its own that went through it once more, for whichever run, after
    /// its room was taken; told at the run's first message of identical ones.
    pub encoded_again: u32,
    /// Tokens that an identical message had already, or gets.
    pub shared: u32,
    /// How often its keys and values were given up for others; a message that
    /// was being decoded was set aside then.
    pub yielded: u32,
    /// Cached tokens it saw instead of encoding them again.
    pub reused: u32,
    /// What it would have cost in each mode.
    pub would_encode: WouldEncode,
    /// When the call arrived.
    pub called_ms: f64,
    /// From the call to the first forward pass that held a token of it.
    pub queued_ms: Option<f64>,
    /// From the call to its first sampled token, everything included.
    pub ttft_ms: Option<f64>,
    /// When it was finished (encoded, for a prefilled one).
    pub end_ms: Option<f64>,
    /// `prefilled`, `end`, `stop-string`, `constraint`, `length`, `cancelled`, `budget`, or `lost`.
    pub finish: String,
    /// Bytes of keys and values it holds (0 once released).
    pub cache_bytes: u64,
}

/// Tokens that a message encodes in each mode, its generated ones included, where
/// nothing is shared with other runs and nothing yields its room. Prefixes are
/// counted by whole messages. In the baselines a prefilled message costs nothing
/// before a decode sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WouldEncode {
    /// Its own.
    pub choreo: u64,
    /// Its own, and those of its parents from the first on that no earlier call saw
    /// in this place.
    pub prefix: u64,
    /// Its own and all its parents'.
    pub naive: u64,
}

/// A parent, as placed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlacedReport {
    /// Which message.
    pub id: Number,
    /// Position of its first token.
    pub offset: u32,
}
