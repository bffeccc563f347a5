//! One text's way through a compiled grammar.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use llguidance::toktrie::SimpleVob;
use llguidance::{TokenParser, panic_utils};

use crate::cache::TokenId;

/// Bytes that one text's lexer may grow to.
const LEXER_BYTES: usize = 32 << 20;

/// Bytes of a message of the library's that are shown.
const SHOWN: usize = 200;

/// A compiled grammar, at the text's beginning.
pub(in crate::engine) struct Grammar {
    pub(in crate::engine) matcher: Matcher,
    /// How every text begins.
    pub(in crate::engine) start: Advanced,
    /// What may follow that; none where nothing may.
    pub(in crate::engine) mask: Option<Mask>,
    /// What a copy takes.
    pub(in crate::engine) bytes: usize,
}

/// A text's place in a grammar.
pub(in crate::engine) struct Matcher(TokenParser);

/// What follows from a token.
#[derive(Clone)]
pub(in crate::engine) struct Advanced {
    /// The tokens that come next in any case.
    pub(in crate::engine) forced: VecDeque<TokenId>,
    /// Whether nothing may follow them.
    pub(in crate::engine) over: bool,
}

/// The tokens that may come next, those that end a message among them.
#[derive(Clone)]
pub(in crate::engine) struct Mask(SimpleVob);

impl Grammar {
    /// # Errors
    /// A grammar that no text satisfies, or one that is too large.
    pub(super) fn new(mut matcher: Matcher) -> Result<Self, String> {
        let start = matcher.follow()?;
        let mask = if start.over { None } else { Some(matcher.mask()?) };
        let bytes = matcher.bytes();
        Ok(Self { matcher, start, mask, bytes })
    }
}

impl Matcher {
    pub(super) fn new(mut parser: TokenParser) -> Self {
        parser.start_without_prompt();
        Self(parser)
    }

    /// A copy that shares nothing with this one which either changes: what one
    /// text costs never depends on another.
    pub(in crate::engine) fn copy(&self) -> Self {
        Self(self.0.deep_clone())
    }

    /// The text goes on with a token.
    ///
    /// # Errors
    /// One that does not fit, or a grammar that is too large from here on.
    pub(in crate::engine) fn advance(&mut self, token: TokenId) -> Result<Advanced, String> {
        guarded(|| self.0.consume_token(token.0))?;
        self.follow()
    }

    /// Takes the tokens that come next in any case.
    fn follow(&mut self) -> Result<Advanced, String> {
        guarded(|| {
            let mut forced = VecDeque::new();
            let mut over = self.0.check_stop()?;
            if !over {
                forced.extend(self.0.consume_ff_tokens()?.into_iter().map(TokenId));
                over = self.0.check_stop()?;
            }
            Ok(Advanced { forced, over })
        })
    }

    /// The tokens that may come next.
    ///
    /// # Errors
    /// There is none, or finding them takes more than the limits allow.
    pub(in crate::engine) fn mask(&mut self) -> Result<Mask, String> {
        let mask = guarded(|| self.0.compute_mask())?;
        let bytes = self.bytes();
        if bytes > LEXER_BYTES {
            return Err(too_large(&format!("{bytes} bytes, and at most {LEXER_BYTES} are allowed")));
        }
        Ok(Mask(mask))
    }

    /// Bytes of the lexer, which alone grows without bounds.
    pub(in crate::engine) fn bytes(&self) -> usize {
        self.0.parser.lexer_stats().num_bytes
    }
}

impl Mask {
    /// Sets the logits of all other tokens to −∞.
    pub(in crate::engine) fn apply(&self, logits: &mut [f32]) {
        for (token, logit) in logits.iter_mut().enumerate() {
            if token >= self.0.len() || !self.0.get(token) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
}

/// What the library does, its panics and long messages caught.
pub(super) fn guarded<T>(act: impl FnOnce() -> anyhow::Result<T>) -> Result<T, String> {
    panic_utils::catch_unwind(AssertUnwindSafe(act)).map_err(|error| reason(&error.to_string()))
}

fn reason(message: &str) -> String {
    let lines = message.lines();
    // A parser of regular expressions shows the place first.
    let line = lines.clone().find_map(|line| line.strip_prefix("error: ")).or(lines.clone().next()).unwrap_or_default();
    let line = &line[..line.floor_char_boundary(SHOWN.min(line.len()))];
    if line.starts_with("NoExtension") {
        return "is satisfied by no text: correct it".into();
    }
    if ["too ", "Too ", "fuel"].iter().any(|word| line.contains(word)) {
        return too_large(line);
    }
    format!("cannot be served: {line}; change it")
}

fn too_large(why: &str) -> String {
    format!("is too large or too ambiguous ({why}): simplify it")
}
