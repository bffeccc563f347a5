//! Answers as lines of JSON. Log-probabilities are written as the bits of their
//! f32, so that tests compare them exactly.

use choreo_guest::{Budget, Cause, Decoded, Description, Error, Finish, Message, Scored, TokenLogprob};
use serde_json::{Value, json};

/// `{"id": 3}`
pub(super) fn message(message: Message) -> String {
    json!({ "id": u32::from(message) }).to_string()
}

/// `{"id": 4, "text": "…", "finish": "end", "tokens": 5}`, with `"logprobs"` if asked:
/// for each generated token `{"token": 7, "bits": 3212836864, "top": [[7, 3212836864]]}`.
pub(super) fn lane(lane: Result<Decoded, Error>) -> String {
    let decoded = match lane {
        Ok(decoded) => decoded,
        Err(found) => return error(&found),
    };
    let mut answer = json!({
        "id": u32::from(decoded.id),
        "text": decoded.text,
        "finish": finish(&decoded.finish),
        "tokens": decoded.tokens,
    });
    if !decoded.logprobs.is_empty() {
        let pair = |alternative: &TokenLogprob| json!([alternative.token, alternative.logprob.to_bits()]);
        let tokens = decoded.logprobs.iter().map(|found| {
            json!({
                "token": found.chosen.token,
                "bits": found.chosen.logprob.to_bits(),
                "top": found.top.iter().map(pair).collect::<Vec<Value>>(),
            })
        });
        answer["logprobs"] = tokens.collect();
    }
    answer.to_string()
}

/// `{"error": "unknown-message", "call": 0, "detail": "…"}`
pub(super) fn error(found: &Error) -> String {
    let cause = match found.cause {
        Cause::UnknownMessage(_) => "unknown-message",
        Cause::Lost(_) => "lost",
        Cause::InvalidArgument(_) => "invalid-argument",
        Cause::ContextOverflow(_) => "context-overflow",
        Cause::CacheFull(_) => "cache-full",
        Cause::Budget(_) => "budget",
        Cause::Timeout(_) => "timeout",
        Cause::Label(_) => "label",
        Cause::Denied(_) => "denied",
        Cause::Unsupported(_) => "unsupported",
        Cause::Cancelled => "cancelled",
        Cause::Engine(_) => "engine",
    };
    json!({ "error": cause, "call": found.call, "detail": found.to_string() }).to_string()
}

/// `{"released": true}`
pub(super) fn released(answer: Result<(), Error>) -> String {
    answer.map_or_else(|found| error(&found), |()| json!({ "released": true }).to_string())
}

/// `{"texts": ["…"]}`
pub(super) fn texts(answer: Result<Vec<String>, Error>) -> String {
    answer.map_or_else(|found| error(&found), |texts| json!({ "texts": texts }).to_string())
}

/// `{"messages": [{"name": null, "tokens": 9, "offset": 12, "finish": "end", "parents": [[1, 0]]}]}`
pub(super) fn described(answer: Result<Vec<Description>, Error>) -> String {
    let describe = |found: &Description| {
        let parents = found.parents.iter();
        json!({
            "name": found.name,
            "tokens": found.tokens,
            "offset": found.offset,
            "finish": finish(&found.finish),
            "parents": parents
                .map(|parent| json!([u32::from(parent.message), parent.offset]))
                .collect::<Vec<Value>>(),
        })
    };
    let messages = |found: Vec<Description>| found.iter().map(describe).collect::<Vec<Value>>();
    answer.map_or_else(|found| error(&found), |found| json!({ "messages": messages(found) }).to_string())
}

/// `{"scored": [[13830554455654793216, 2]]}`: bits of the log-probability, tokens.
pub(super) fn scored(candidates: &[Scored]) -> String {
    let pairs = candidates.iter().map(|scored| json!([scored.logprob.to_bits(), scored.tokens]));
    json!({ "scored": pairs.collect::<Vec<Value>>() }).to_string()
}

/// `{"left": 7}`, or null where no limit has the name.
pub(super) fn remaining(name: &str, budgets: &[Budget]) -> String {
    let found = budgets.iter().find(|budget| budget.name == name);
    json!({ "left": found.map(|budget| budget.left) }).to_string()
}

fn finish(finish: &Finish) -> &'static str {
    match finish {
        Finish::Prefilled => "prefilled",
        Finish::End => "end",
        Finish::StopString(_) => "stop-string",
        Finish::Constraint => "constraint",
        Finish::Length => "length",
        Finish::Cancelled => "cancelled",
        Finish::Budget(_) => "budget",
    }
}
