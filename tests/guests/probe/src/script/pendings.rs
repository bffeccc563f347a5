//! Messages that the script has started, by number from 1.

use std::time::Duration;

use choreo_guest::{Decode, Pending, Until, start_all, wait_any};
use serde_json::json;

use super::answer;
use super::words::Words;

#[derive(Default)]
pub(super) struct Pendings(Vec<Option<Pending>>);

impl Pendings {
    /// `{"pending": 1}` for each.
    pub(super) fn start(&mut self, calls: Vec<Decode>) -> Vec<String> {
        let started = match start_all(calls) {
            Ok(started) => started,
            Err(error) => return vec![answer::error(&error)],
        };
        let answer = |pending| {
            self.0.push(Some(pending));
            json!({ "pending": self.0.len() }).to_string()
        };
        started.into_iter().map(answer).collect()
    }

    /// `{"read": "…"}`, `{"reads": ["…"]}`, a lane's answer, or `{"dropped": true}`.
    pub(super) fn follow(&mut self, verb: &str, number: usize) -> Result<String, String> {
        let place = number.checked_sub(1).and_then(|index| self.0.get_mut(index));
        let place = place.filter(|place| place.is_some());
        let Some(place) = place else { return Err(format!("no message {number} is pending")) };
        if verb == "drop" {
            *place = None;
            return Ok(json!({ "dropped": true }).to_string());
        }
        let Some(pending) = place else { return Err(format!("message {number} was dropped")) };
        Ok(match verb {
            "read" => match pending.read() {
                Ok(text) => json!({ "read": text }).to_string(),
                Err(error) => answer::error(&error),
            },
            "read-all" => read_all(pending),
            "cancel" => answer::lane(pending.cancel()),
            _ => answer::lane(pending.finish()),
        })
    }

    /// `{"ready": [0, 2]}`
    pub(super) fn wait_any(&self, words: &mut Words<'_>) -> Result<String, String> {
        let numbers = words.parents()?;
        let find = |number: u32| {
            let place = usize::try_from(number).ok()?.checked_sub(1)?;
            self.0.get(place)?.as_ref()
        };
        let found: Option<Vec<&Pending>> = numbers.iter().map(|number| find(number.message.into())).collect();
        let found = found.ok_or("a message to wait for is not pending")?;
        let until = match words.next() {
            "text" => Until::Text,
            "finished" => Until::Finished,
            other => return Err(format!("one cannot wait for {other:?}: text or finished")),
        };
        let timeout = match words.next() {
            "-" => None,
            milliseconds => Some(Duration::from_millis(
                milliseconds.parse().map_err(|_| format!("{milliseconds:?} is no number of milliseconds"))?,
            )),
        };
        Ok(match wait_any(found, until, timeout) {
            Ok(ready) => json!({ "ready": ready }).to_string(),
            Err(error) => answer::error(&error),
        })
    }
}

fn read_all(pending: &Pending) -> String {
    let mut reads = Vec::new();
    loop {
        match pending.read() {
            Ok(Some(text)) => reads.push(text),
            Ok(None) => return json!({ "reads": reads }).to_string(),
            Err(error) => return answer::error(&error),
        }
    }
}
