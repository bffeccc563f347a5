//! The words of a line.

use std::str::FromStr;

use choreo_guest::{Message, Parent};
use serde_json::Value;

/// What of the line is not read yet.
pub(super) struct Words<'a>(pub(super) &'a str);

impl<'a> Words<'a> {
    /// The next word; empty at the end.
    pub(super) fn next(&mut self) -> &'a str {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest.trim_start();
        word
    }

    pub(super) fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.next();
        word.parse().map_err(|_| format!("{word:?} is not a number of this kind"))
    }

    /// A JSON string, which may hold spaces.
    pub(super) fn string(&mut self) -> Result<String, String> {
        match self.json()? {
            Value::String(string) => Ok(string),
            other => Err(format!("{other} is not a JSON string")),
        }
    }

    /// A JSON array of strings.
    pub(super) fn strings(&mut self) -> Result<Vec<String>, String> {
        let value = self.json()?;
        let strings = value.as_array().and_then(|strings| strings.iter().map(|one| one.as_str()).collect());
        let strings: Vec<&str> = strings.ok_or_else(|| format!("{value} is not a JSON array of strings"))?;
        Ok(strings.into_iter().map(str::to_owned).collect())
    }

    fn json(&mut self) -> Result<Value, String> {
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                self.0 = self.0[values.byte_offset()..].trim_start();
                Ok(value)
            }
            _ => Err(format!("{:?} does not start with JSON", self.0)),
        }
    }

    /// Any number of `candidate STRING`.
    pub(super) fn candidates(&mut self) -> Result<Vec<String>, String> {
        let mut candidates = Vec::new();
        while let Some(rest) = self.0.strip_prefix("candidate ") {
            self.0 = rest.trim_start();
            candidates.push(self.string()?);
        }
        Ok(candidates)
    }

    pub(super) fn parents(&mut self) -> Result<Vec<Parent>, String> {
        let word = self.next();
        if word == "-" {
            return Ok(Vec::new());
        }
        word.split(',').map(parent).collect()
    }

    pub(super) fn finish(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(format!("{:?} was not expected", self.0))
    }
}

fn parent(word: &str) -> Result<Parent, String> {
    let wrong = |_| format!("{word:?} is not ID or ID@OFFSET: put - for no parents");
    let (id, offset) = match word.split_once('@') {
        Some((id, offset)) => (id, Some(offset.parse::<u32>().map_err(wrong)?)),
        None => (word, None),
    };
    let message = Message::from(id.parse::<u32>().map_err(wrong)?);
    Ok(Parent { offset, ..message.into() })
}
