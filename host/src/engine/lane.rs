//! One message being decoded: what becomes of each sampled token.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use tokio::sync::watch;

use super::call::{DecodeOptions, Decoded, Error, Finish, Logprobs, Number, TokenLogprob};
use super::choice::TokenIndex;
use super::constraint::Constrained;
use super::guide::Guide;
use super::handle::{Defaults, RunId};
use super::pending::Feed;
use super::script::{Forced, Generated};
use crate::cache::{MessageId, TokenId};
use crate::chat::Chat;
use crate::sampler::{self, Sampling, Stream};

/// A message being decoded.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) run: RunId,
    pub(super) number: Number,
    /// What it shows of itself.
    pub(super) feed: watch::Sender<Feed>,
    pub(super) called: Instant,
    /// Tokens of the cache's message before the first generated one.
    pub(super) prompt_tokens: usize,
    /// Tokens that end the message in the cache.
    pub(super) closing: Vec<TokenId>,
    header: String,
    max_tokens: u32,
    sampling: Sampling,
    /// What the logits of tokens that were seen are divided by; 1: as they are.
    penalty: f32,
    /// Tokens of the parents and of the message; none without a penalty.
    seen: BTreeSet<TokenId>,
    stream: Stream,
    stop: Vec<String>,
    constrained: Constrained,
    top_logprobs: usize,
    logprobs: Vec<Logprobs>,
    /// Bytes of the generated text.
    bytes: Vec<u8>,
    /// `bytes.len()` after each generated token.
    ends: Vec<usize>,
    /// Bytes of `bytes` that are in the feed.
    shown: usize,
    /// Where in `bytes` a stop string may have begun; their end, if none has.
    held: usize,
    /// Generated tokens, the one that ended the message included.
    tokens: Vec<TokenId>,
    /// What it must say, if somebody has said so.
    script: Option<Forced>,
    /// See [`Generated::margins`]; none: nobody asks for them.
    margins: Option<Vec<Option<f32>>>,
}

/// A lane to be.
pub(super) struct NewLane {
    pub(super) run: RunId,
    pub(super) number: Number,
    pub(super) feed: watch::Sender<Feed>,
    pub(super) called: Instant,
    pub(super) prompt_tokens: usize,
    pub(super) closing: Vec<TokenId>,
    pub(super) header: String,
    pub(super) max_tokens: u32,
    /// Tokens that a repetition penalty is about; none without one.
    pub(super) seen: BTreeSet<TokenId>,
    /// Of the constraint's grammar, if it has one.
    pub(super) guide: Option<Guide>,
    pub(super) script: Option<Forced>,
    /// Empty; none: nobody asks for them.
    pub(super) margins: Option<Vec<Option<f32>>>,
}

/// What became of a row of logits.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Tokens generated, the one that ended the message included.
    pub(super) generated: u64,
    /// Those that go into the cache.
    pub(super) tokens: Vec<TokenId>,
    /// Whether the message is over.
    pub(super) end: Option<End>,
}

/// What a row of logits leads to.
enum Next {
    Token(TokenId),
    /// The script has no more.
    End(Finish),
}

/// How a lane ends.
#[derive(Debug)]
pub(super) enum End {
    /// With the text that it has.
    Finished(Finish),
    /// Without a text.
    Failed(String),
}

/// A finished lane's tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// So many generated tokens stay.
    pub(super) kept: usize,
    /// Text after them, to be encoded again as its own tokens.
    pub(super) rest: String,
}

impl Lane {
    pub(super) fn new(new: NewLane, options: &DecodeOptions, defaults: &Defaults, seed: u64) -> Self {
        Self {
            run: new.run,
            number: new.number,
            feed: new.feed,
            called: new.called,
            prompt_tokens: new.prompt_tokens,
            closing: new.closing,
            header: new.header,
            max_tokens: new.max_tokens,
            sampling: Sampling {
                temperature: options.temperature.unwrap_or(defaults.temperature),
                top_k: options.top_k.or(defaults.top_k),
                top_p: options.top_p.unwrap_or(defaults.top_p),
                min_p: options.min_p.unwrap_or(0.0),
            },
            penalty: options.repetition_penalty.unwrap_or(1.0),
            seen: new.seen,
            stream: Stream::new(options.seed.map_or(seed, u64::from), new.number),
            stop: options.stop.clone(),
            constrained: Constrained::new(options.constraint.as_ref(), new.guide),
            top_logprobs: options.top_logprobs.into(),
            logprobs: Vec::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            shown: 0,
            held: 0,
            tokens: Vec::new(),
            script: new.script,
            margins: new.margins,
        }
    }

    /// Tokens generated so far.
    pub(super) fn generated(&self) -> u32 {
        u32::try_from(self.tokens.len()).unwrap_or(u32::MAX)
    }

    /// What it has generated, for a script.
    pub(super) fn script(&self, finish: &Finish) -> Generated {
        let margins = self.margins.clone().unwrap_or_default();
        Generated { tokens: self.tokens.clone(), margins, text: self.text(), finish: finish.clone() }
    }

    /// Goes on by one token, and by all that must follow it; at most `left`.
    /// Where log-probabilities are asked for, each token waits for its own row.
    pub(super) fn accept(&mut self, logits: &[f32], chat: &Chat, index: Option<&TokenIndex>, left: u64) -> Step {
        let mut step = Step::default();
        let mut next = match self.next(logits, chat, index) {
            Ok(Next::Token(token)) => Some(token),
            Ok(Next::End(finish)) => return Step { end: Some(End::Finished(finish)), ..step },
            Err(why) => return Step { end: Some(End::Failed(format!("the constraint {why}"))), ..step },
        };
        if let Some(token) = next.filter(|_| self.top_logprobs > 0) {
            self.logprobs.push(logprobs(logits, token, self.top_logprobs, chat));
        }
        while let Some(token) = next {
            step.generated += 1;
            if !chat.is_end(token) {
                step.tokens.push(token);
            }
            if let Some(finish) = self.take(token, chat) {
                step.end = Some(End::Finished(finish));
                return step;
            }
            let more = self.top_logprobs == 0 && step.generated < left;
            next = if more { self.forced() } else { None };
        }
        self.show();
        step
    }

    /// The next token: one that must come, or one chosen from a row of logits, of
    /// which a constraint leaves only those that fit; log-probabilities are the
    /// model's own.
    fn next(&mut self, logits: &[f32], chat: &Chat, index: Option<&TokenIndex>) -> Result<Next, String> {
        if let Some(token) = self.forced() {
            return Ok(Next::Token(token));
        }
        let mut weighed = Cow::Borrowed(logits);
        if self.penalises() {
            sampler::penalise(weighed.to_mut(), self.seen.iter().map(|token| token.0), self.penalty);
        }
        self.constrained.mask(&mut weighed, index, chat)?;
        if let Some(margins) = &mut self.margins {
            margins.push(sampler::margin(&weighed));
        }
        let mut token = TokenId(sampler::sample(&weighed, &self.sampling, &mut self.stream));
        if let Some(script) = &mut self.script {
            match script.next() {
                Some(forced) => token = forced,
                None => return Ok(Next::End(script.finish.clone())),
            }
        }
        if !chat.is_end(token) {
            self.constrained.advance(token, chat.token_bytes(token))?;
        }
        Ok(Next::Token(token))
    }

    /// A token that must come. A stream's place is the number of tokens, drawn or not.
    fn forced(&mut self) -> Option<TokenId> {
        let mut token = self.constrained.forced();
        match (&mut self.script, token) {
            // The script has it too.
            (Some(script), Some(_)) => drop(script.next()),
            (Some(script), None) if matches!(self.constrained, Constrained::Free) => token = script.beside(),
            _ => {}
        }
        if token.is_some() {
            self.stream.skip();
            if let Some(margins) = &mut self.margins {
                margins.push(None);
            }
        }
        token
    }

    /// The message goes on with a token; how it ends, if it does.
    fn take(&mut self, token: TokenId, chat: &Chat) -> Option<Finish> {
        if self.penalises() {
            self.seen.insert(token);
        }
        self.tokens.push(token);
        if chat.is_end(token) {
            return Some(Finish::End);
        }
        self.bytes.extend_from_slice(chat.token_bytes(token));
        self.ends.push(self.bytes.len());
        if let Some((_, which)) = self.first_stop() {
            Some(Finish::StopString(which))
        } else if self.constrained.must_end() {
            Some(Finish::Constraint)
        } else if self.generated() >= self.max_tokens {
            Some(Finish::Length)
        } else {
            None
        }
    }

    /// Whether tokens that were seen count less.
    fn penalises(&self) -> bool {
        self.penalty != 1.0
    }

    /// Shows the text that stays whatever comes next.
    fn show(&mut self) {
        // What could not begin a stop string before cannot do so now.
        let begins = |from: usize| self.stop.iter().any(|stop| stop.as_bytes().starts_with(&self.bytes[from..]));
        self.held = (self.held..self.bytes.len()).find(|from| begins(*from)).unwrap_or(self.bytes.len());
        let end = whole_characters(&self.bytes[..self.held]);
        if end <= self.shown {
            return;
        }
        let new = String::from_utf8_lossy(&self.bytes[self.shown..end]);
        let header = if self.shown == 0 { self.header.as_str() } else { "" };
        self.feed.send_modify(|feed| {
            feed.text.push_str(header);
            feed.text.push_str(&new);
        });
        self.shown = end;
    }

    /// Tells whoever follows the lane how it ended.
    pub(super) fn end(self, result: Result<Decoded, Error>) {
        self.feed.send_modify(|feed| *feed = Feed { text: String::new(), end: Some(result) });
    }

    /// Where the first stop string begins, and which it is.
    fn first_stop(&self) -> Option<(usize, u32)> {
        let found = self.stop.iter().zip(0..).filter_map(|(stop, which)| {
            let newest = self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before]);
            let from = newest.saturating_sub(stop.len().saturating_sub(1));
            let at = self.bytes[from..].windows(stop.len()).position(|window| window == stop.as_bytes())?;
            Some((from + at, which))
        });
        found.min()
    }

    /// Ends the text where it should end: before a stop string, and at a whole
    /// character. Tokens past the cut go; text between the last token that
    /// stays and the cut is to be encoded again, so that cached tokens always
    /// spell the text.
    pub(super) fn cut(&mut self) -> Cut {
        let stopped = self.first_stop().map_or(self.bytes.len(), |(at, _)| at);
        let end = whole_characters(&self.bytes[..stopped]);
        self.bytes.truncate(end);
        cut(&self.bytes, &self.ends)
    }

    /// Header and generated text.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.header, String::from_utf8_lossy(&self.bytes))
    }

    /// One entry a generated token, where they were asked for.
    pub(super) fn take_logprobs(&mut self) -> Vec<Logprobs> {
        std::mem::take(&mut self.logprobs)
    }
}

/// Which tokens, that end where `ends` says, stay of a text, and what text is left
/// over: neither ends inside a character, as the first half of one might be
/// spelled by a token of its own.
fn cut(bytes: &[u8], ends: &[usize]) -> Cut {
    let mut kept = ends.partition_point(|token_end| *token_end <= bytes.len());
    let end = |kept: usize| kept.checked_sub(1).map_or(0, |last| ends[last]);
    // The last token may end inside a character only where text follows.
    while end(kept) < bytes.len() && whole_characters(&bytes[..end(kept)]) < end(kept) {
        kept -= 1;
    }
    Cut { kept, rest: String::from_utf8_lossy(&bytes[end(kept)..]).into_owned() }
}

/// Length without an unfinished character at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(chunk) if !chunk.invalid().is_empty() && unfinished(chunk.invalid()) => {
            bytes.len() - chunk.invalid().len()
        }
        _ => bytes.len(),
    }
}

/// Whether more bytes could make these a character.
fn unfinished(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.valid_up_to() == 0 && error.error_len().is_none())
}

fn logprobs(logits: &[f32], token: TokenId, top: usize, chat: &Chat) -> Logprobs {
    let (chosen, likeliest) = sampler::log_probabilities(logits, token.0, top);
    let of = |token: u32, logprob| TokenLogprob { token, bytes: chat.token_bytes(TokenId(token)).to_vec(), logprob };
    Logprobs {
        chosen: of(token.0, chosen),
        top: likeliest.into_iter().map(|(token, logprob)| of(token, logprob)).collect(),
    }
}

/// Lanes by the message they generate, in order of arrival.
pub(super) type Lanes = std::collections::BTreeMap<MessageId, Lane>;

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_at(text: &[u8], ends: &[usize]) -> (usize, String) {
        let Cut { kept, rest } = cut(text, ends);
        (kept, rest)
    }

    #[test]
    fn a_cut_leaves_no_half_of_a_character() {
        let text = "aé日b".as_bytes();
        // a | é | 日b…, cut before a stop string inside of the last token.
        assert_eq!(cut_at(text, &[1, 3, 9]), (2, "日b".into()));
        // a | é and a byte of 日 | the rest: the second token ends inside 日.
        assert_eq!(cut_at(text, &[1, 4, 9]), (1, "é日b".into()));
        // Each byte of é and of 日 but the last is a token.
        assert_eq!(cut_at(text, &[1, 2, 3, 4, 5, 9]), (3, "日b".into()));
        assert_eq!(cut_at(text, &[2, 9]), (0, "aé日b".into()));
        // Nothing to encode again: the last token ends with the text.
        assert_eq!(cut_at(text, &[1, 4, 7]), (3, String::new()));
        assert_eq!(cut_at(b"", &[2]), (0, String::new()));
        // Bytes that no character has are no half of one.
        assert_eq!(cut_at(b"\xFFab", &[1, 4]), (1, "ab".into()));
    }
}
