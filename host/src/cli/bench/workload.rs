//! Calls of known lengths, every token of which is known before they are made:
//! so all modes, and other engines, are asked the same.

use std::ops::Range;

use crate::chat::{Chat, Part, Role};
use crate::engine::TokenId;

/// Calls in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Workload {
    pub(super) messages: Vec<Message>,
    /// Calls that are made together: all prefills, or all decodes.
    pub(super) lists: Vec<Range<usize>>,
}

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) role: Role,
    /// A decoded one's header.
    pub(super) text: String,
    /// Earlier messages that it sees, one after another.
    pub(super) parents: Vec<usize>,
    /// Role tokens and text; of a decoded one, the header alone.
    pub(super) begin: Vec<TokenId>,
    /// What is generated; none where the message is given.
    pub(super) said: Option<Vec<TokenId>>,
    /// What ends it, after what is generated.
    pub(super) end: Vec<TokenId>,
}

impl Message {
    /// All its tokens.
    pub(super) fn tokens(&self) -> impl Iterator<Item = TokenId> + '_ {
        self.begin.iter().chain(self.said.iter().flatten()).chain(&self.end).copied()
    }
}

/// Makes a workload. Two that are made alike from one seed say the same, in
/// whatever order their calls see it.
pub(super) struct Builder<'a> {
    chat: &'a Chat,
    random: fastrand::Rng,
    made: Workload,
}

impl<'a> Builder<'a> {
    pub(super) fn new(chat: &'a Chat, seed: u64) -> Self {
        Self { chat, random: fastrand::Rng::with_seed(seed), made: Workload::default() }
    }

    /// Adds a given message.
    pub(super) fn prefill(&mut self, role: Role, text: String, parents: &[usize]) -> anyhow::Result<usize> {
        let begin = self.chat.render(role, Part::Whole, &text)?;
        let number = self.made.messages.len();
        self.made.lists.push(number..number + 1);
        let parents = parents.to_vec();
        self.made.messages.push(Message { role, text, parents, begin, said: None, end: Vec::new() });
        Ok(number)
    }

    /// Adds messages that are decoded together, each with its header, the number of
    /// tokens that it gets, and its parents.
    pub(super) fn decode(&mut self, calls: Vec<(String, usize, Vec<usize>)>) -> anyhow::Result<Vec<usize>> {
        let first = self.made.messages.len();
        for (header, length, parents) in calls {
            let begin = self.chat.header(Role::Assistant, Part::Whole, &header)?;
            let said = Some(self.said(length));
            let end = self.chat.closing(Role::Assistant, Part::Whole);
            self.made.messages.push(Message { role: Role::Assistant, text: header, parents, begin, said, end });
        }
        let last = self.made.messages.len();
        self.made.lists.push(first..last);
        Ok((first..last).collect())
    }

    /// A text of about so many tokens.
    pub(super) fn text(&mut self, tokens: usize) -> String {
        let said = self.said(tokens);
        self.chat.decode(&said)
    }

    /// A length drawn around a mean, at least 16.
    pub(super) fn around(&mut self, mean: f64, deviation: f64) -> usize {
        // A sum of twelve even draws is near enough to a normal one.
        let normal = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
        (mean + deviation * normal).max(16.0) as usize
    }

    pub(super) fn done(self) -> Workload {
        self.made
    }

    /// The tokens of words that nobody has said before, exactly so many.
    fn said(&mut self, tokens: usize) -> Vec<TokenId> {
        let mut said = Vec::new();
        while said.len() < tokens {
            let words: Vec<String> = (0..16).map(|_| self.word()).collect();
            said.extend(self.chat.encode_text(&format!(" {}", words.join(" "))));
        }
        said.truncate(tokens);
        said
    }

    fn word(&mut self) -> String {
        let letters = self.random.usize(2..7);
        (0..letters).map(|_| self.random.lowercase()).collect()
    }
}
