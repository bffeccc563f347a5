//! A tiny language, one call a line, so that tests can drive any graph of messages
//! through a real component.
//!
//! ```text
//! line    = prefill | decode | start | pending | score | "batch" | "end"
//!         | "release" IDS | "text" IDS | "describe" IDS | "remaining" NAME
//!         | "" | "#" anything
//! prefill = "prefill" ROLE STRING PARENTS option*
//! decode  = "decode" ROLE STRING PARENTS option*
//! start   = "start" ROLE STRING PARENTS option*
//! pending = ("read" | "read-all" | "finish" | "cancel" | "drop") N
//!         | "wait-any" (IDS | "-") ("text" | "finished") (MILLISECONDS | "-")
//! score   = "score" ROLE STRING PARENTS ("candidate" STRING)* ("at" N | "name" STRING | "with-end")*
//! option  = "at" N | "part" PART | "name" STRING
//!         | "max" N | "temperature" X | "seed" N | "top-p" X | "top-k" N | "min-p" X
//!         | "repetition-penalty" X | "stop" STRING | "top-logprobs" N
//!         | "one-of" STRINGS | "regex" STRING | "json-schema" STRING       (decode only)
//! PARENTS = "-" | ID ["@" N] ("," ID ["@" N])*
//! IDS     = ID ("," ID)*
//! ROLE    = "system" | "user" | "assistant" | "tool" | "raw"
//! PART    = "whole" | "open" | "middle" | "close"
//! STRING  = a JSON string
//! STRINGS = a JSON array of strings
//! ```
//!
//! Words stand apart by spaces. Calls between `batch` and `end` go out as one list:
//! they are of one kind. Ids are the host's. Every call writes one line of JSON, also
//! each of a batch; pending messages are numbered from 1 as they are started; a list that fails as a whole writes one line. An error does not
//! end the script; a line that cannot be read does.

mod answer;
mod pendings;
mod words;

use choreo_guest::{
    Constraint, Decode, Message, Part, Prefill, Role, Score, decode, decode_each, describe, prefill, prefill_all,
    release, remaining, score, score_all, text,
};
use pendings::Pendings;
use words::Words;

enum Call {
    Prefill(Prefill),
    Decode(Decode),
    Start(Decode),
    Score(Score),
}

pub(crate) fn run(script: &str) -> Result<String, String> {
    let mut output = Vec::new();
    let mut batch: Option<Vec<Call>> = None;
    let mut pendings = Pendings::default();
    for (index, line) in script.lines().enumerate() {
        let at_line = |error: String| format!("line {} of the script: {error}", index + 1);
        let mut words = Words(line.trim());
        let verb = words.next();
        let ids = |words: &mut Words<'_>| words.parents().map_err(at_line);
        match verb {
            "" => {}
            comment if comment.starts_with('#') => continue,
            "batch" => batch = Some(Vec::new()),
            "end" => output.extend(send(batch.take().unwrap_or_default(), &mut pendings).map_err(at_line)?),
            "release" => {
                let ids = ids(&mut words)?;
                output.push(answer::released(release(ids.iter().map(|id| id.message))));
            }
            "text" => output.push(answer::texts(text(ids(&mut words)?.iter().map(|id| id.message)))),
            "describe" => {
                let ids = ids(&mut words)?;
                output.push(answer::described(describe(ids.iter().map(|id| id.message))));
            }
            "remaining" => output.push(answer::remaining(words.next(), &remaining())),
            "read" | "read-all" | "finish" | "cancel" | "drop" => {
                let number = words.number().map_err(at_line)?;
                output.push(pendings.follow(verb, number).map_err(at_line)?);
            }
            "wait-any" => output.push(pendings.wait_any(&mut words).map_err(at_line)?),
            "prefill" | "decode" | "start" | "score" => {
                let call = call(verb, &mut words).map_err(at_line)?;
                match &mut batch {
                    Some(calls) => calls.push(call),
                    None => output.extend(send(vec![call], &mut pendings).map_err(at_line)?),
                }
            }
            other => return Err(at_line(format!("no call is named {other:?}"))),
        }
        words.finish().map_err(at_line)?;
    }
    Ok(output.join("\n"))
}

fn call(verb: &str, words: &mut Words<'_>) -> Result<Call, String> {
    let role = role(words.next())?;
    let text = words.string()?;
    let parents = words.parents()?;
    if verb == "prefill" {
        let mut call = prefill(text).role(role).after(parents);
        loop {
            call = match words.next() {
                "" => return Ok(Call::Prefill(call)),
                "at" => call.at(words.number()?),
                "part" => call.part(part(words.next())?),
                "name" => call.named(words.string()?),
                other => return Err(format!("prefill has no option {other:?}")),
            };
        }
    }
    if verb == "score" {
        return score_call(score(text, words.candidates()?).role(role).after(parents), words);
    }
    let mut call = decode(text).role(role).after(parents);
    loop {
        call = match words.next() {
            "" if verb == "start" => return Ok(Call::Start(call)),
            "" => return Ok(Call::Decode(call)),
            "at" => call.at(words.number()?),
            "part" => call.part(part(words.next())?),
            "name" => call.named(words.string()?),
            "max" => call.max_tokens(words.number()?),
            "temperature" => call.temperature(words.number()?),
            "seed" => call.seed(words.number()?),
            "top-p" => call.top_p(words.number()?),
            "top-k" => call.top_k(words.number()?),
            "min-p" => call.min_p(words.number()?),
            "repetition-penalty" => call.repetition_penalty(words.number()?),
            "stop" => call.stop([words.string()?]),
            "top-logprobs" => call.top_logprobs(words.number()?),
            "one-of" => call.constraint(Constraint::OneOf(words.strings()?)),
            "regex" => call.constraint(Constraint::Regex(words.string()?)),
            "json-schema" => call.constraint(Constraint::JsonSchema(words.string()?)),
            other => return Err(format!("decode has no option {other:?}")),
        };
    }
}

/// The options of a score call but its candidates.
fn score_call(mut call: Score, words: &mut Words<'_>) -> Result<Call, String> {
    loop {
        call = match words.next() {
            "" => return Ok(Call::Score(call)),
            "at" => call.at(words.number()?),
            "name" => call.named(words.string()?),
            "with-end" => call.with_end(),
            other => return Err(format!("score has no option {other:?}")),
        };
    }
}

/// Sends the calls as one list and answers a line for each.
fn send(calls: Vec<Call>, pendings: &mut Pendings) -> Result<Vec<String>, String> {
    let (mut prefills, mut decodes, mut starts, mut scores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for call in calls {
        match call {
            Call::Prefill(call) => prefills.push(call),
            Call::Decode(call) => decodes.push(call),
            Call::Start(call) => starts.push(call),
            Call::Score(call) => scores.push(call),
        }
    }
    match (prefills.is_empty(), decodes.is_empty(), starts.is_empty(), scores.is_empty()) {
        (_, true, true, true) => {
            let answer = |messages: Vec<Message>| messages.into_iter().map(answer::message).collect();
            Ok(prefill_all(prefills).map_or_else(|error| vec![answer::error(&error)], answer))
        }
        (true, false, true, true) => Ok(match decode_each(decodes) {
            Ok(lanes) => lanes.into_iter().map(answer::lane).collect(),
            Err(error) => vec![answer::error(&error)],
        }),
        (true, true, false, true) => Ok(pendings.start(starts)),
        (true, true, true, false) => Ok(match score_all(scores) {
            Ok(calls) => calls.iter().map(|call| answer::scored(call)).collect(),
            Err(error) => vec![answer::error(&error)],
        }),
        _ => Err("a batch of several kinds: put calls of each kind in one of its own".into()),
    }
}

fn role(word: &str) -> Result<Role, String> {
    Ok(match word {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "raw" => Role::Raw,
        other => return Err(format!("no role is called {other:?}")),
    })
}

fn part(word: &str) -> Result<Part, String> {
    Ok(match word {
        "whole" => Part::Whole,
        "open" => Part::Open,
        "middle" => Part::Middle,
        "close" => Part::Close,
        other => return Err(format!("no part is called {other:?}")),
    })
}
