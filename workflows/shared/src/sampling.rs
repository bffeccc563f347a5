//! How texts are sampled.

use choreo_guest::{Decode, Outcome, decode};

use crate::Arguments;

/// The temperature and the length of a plan's decoded messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    temperature: f32,
    max_tokens: u32,
}

impl Sampling {
    /// `--temperature T`, or this one, and `--max-tokens N`, the most tokens of one
    /// message, or 256.
    ///
    /// # Errors
    /// A value is no number, or out of range.
    pub fn take(arguments: &mut Arguments, temperature: f32) -> Outcome<Self> {
        Ok(Self {
            temperature: arguments.number("--temperature", temperature, 0.0..=10.0)?,
            max_tokens: arguments.number("--max-tokens", 256, 1..=1_000_000)?,
        })
    }

    /// A message to decode that starts with the header.
    pub fn decode(&self, header: impl Into<String>) -> Decode {
        decode(header).temperature(self.temperature).max_tokens(self.max_tokens)
    }
}
