//! WIT records to the engine's and back. A guest's numbers and lists are
//! hostile: what is out of bounds is refused here, saying what was asked and
//! what is allowed.

use super::generated::choreo::host::choreo as wit;
use crate::engine::Until;
use crate::engine::call::{
    Cause, Constraint, DecodeCall, DecodeOptions, Decoded, Description, Error, Finish, Logprobs, Number, Parent, Part,
    PrefillCall, Role, ScoreCall, Scored, Shortage, TokenLogprob, View,
};

pub(super) type Checked<T> = Result<T, Error>;

/// Calls in one list.
const CALLS: usize = 4096;
/// Parents of one call.
const PARENTS: usize = 65_536;
/// Ids in one list.
const IDS: usize = 65_536;
/// Texts to count in one list.
const TEXTS: usize = 65_536;
/// Bytes of one text.
const TEXT_BYTES: usize = 4 << 20;
/// Bytes of a speaker's name.
const NAME_BYTES: usize = 1024;
/// Stop strings of one call; every token is checked against each.
const STOPS: usize = 64;
/// Bytes of one stop string.
const STOP_BYTES: usize = 1024;
/// Strings of a constraint; candidates of a score.
const CHOICES: usize = 4096;
/// Pending messages that a guest may hold at once; other handles need room too.
const PENDINGS: usize = 1024;
/// Alternatives reported for a token.
const TOP_LOGPROBS: u8 = 20;
/// Hotter than this is uniform noise.
const HOTTEST: f32 = 100.0;

pub(super) fn prefill_calls(calls: Vec<wit::PrefillCall>) -> Checked<Vec<PrefillCall>> {
    each(calls, |call| {
        name(call.name.as_deref())?;
        absent(call.labels.first(), "labels")?;
        at_most("the text's bytes", call.text.len(), TEXT_BYTES)?;
        Ok(PrefillCall {
            role: role(call.role),
            name: call.name,
            part: part(call.part),
            text: call.text,
            view: view(call.view)?,
        })
    })
}

pub(super) fn decode_calls(calls: Vec<wit::DecodeCall>) -> Checked<Vec<DecodeCall>> {
    each(calls, |call| {
        name(call.name.as_deref())?;
        absent(call.labels.first(), "labels")?;
        at_most("the header's bytes", call.header.len(), TEXT_BYTES)?;
        Ok(DecodeCall {
            role: role(call.role),
            name: call.name,
            part: part(call.part),
            header: call.header,
            view: view(call.view)?,
            options: options(call.options)?,
        })
    })
}

pub(super) fn ids(ids: Vec<wit::Message>) -> Checked<Vec<Number>> {
    at_most("ids in the list", ids.len(), IDS)?;
    Ok(ids)
}

pub(super) fn texts(texts: Vec<String>) -> Checked<Vec<String>> {
    at_most("texts in the list", texts.len(), TEXTS)?;
    Ok(texts)
}

pub(super) fn score_calls(calls: Vec<wit::ScoreCall>) -> Checked<Vec<ScoreCall>> {
    each(calls, |call| {
        name(call.name.as_deref())?;
        at_most("the header's bytes", call.header.len(), TEXT_BYTES)?;
        at_most("candidates", call.candidates.len(), CHOICES)?;
        Ok(ScoreCall {
            role: role(call.role),
            name: call.name,
            header: call.header,
            view: view(call.view)?,
            candidates: call.candidates,
            with_end: call.with_end,
        })
    })
}

pub(super) fn scored(scored: Vec<Scored>) -> Vec<wit::Scored> {
    scored.into_iter().map(|scored| wit::Scored { logprob: scored.logprob, tokens: scored.tokens }).collect()
}

/// The calls of a list that is started beside so many pending messages.
pub(super) fn pendings(calls: Vec<DecodeCall>, held: usize) -> Checked<Vec<DecodeCall>> {
    if held + calls.len() > PENDINGS {
        return Err(invalid(format!(
            "{} messages to start beside {held} that are pending, and at most {PENDINGS} are allowed: drop those that have finished",
            calls.len()
        )));
    }
    Ok(calls)
}

/// A list of so many pending messages to wait for.
pub(super) fn waits(pendings: usize) -> Checked<()> {
    if pendings == 0 {
        return Err(invalid("wait-any has no pending messages to wait for: give at least one".into()));
    }
    at_most("pending messages in the list", pendings, PENDINGS)
}

pub(super) fn until(until: wit::Until) -> Until {
    match until {
        wit::Until::Text => Until::Text,
        wit::Until::Finished => Until::Finished,
    }
}

fn name(name: Option<&str>) -> Checked<()> {
    if name == Some("") {
        return Err(invalid("the speaker's name is empty: give it at least one character, or leave it out".into()));
    }
    at_most("the name's bytes", name.map_or(0, str::len), NAME_BYTES)
}

fn view(view: wit::View) -> Checked<View> {
    absent(view.may_see, "labels (may-see)")?;
    at_most("parents", view.parents.len(), PARENTS)?;
    let mut parents = Vec::with_capacity(view.parents.len());
    for parent in view.parents {
        absent(parent.refresh, "repair of a parent (refresh)")?;
        parents.push(Parent { id: parent.id, offset: parent.offset });
    }
    // Without labels there is nothing that `on-violation` could be about.
    Ok(View { parents, offset: view.offset })
}

fn options(options: wit::DecodeOptions) -> Checked<DecodeOptions> {
    if let Some(0) = options.max_tokens {
        return Err(invalid("max-tokens is 0: ask for at least 1, or use prefill".into()));
    }
    if let Some(temperature) = options.temperature
        && !(0.0..=HOTTEST).contains(&temperature)
    {
        return Err(invalid(format!("temperature is {temperature}: use 0 (greedy) to {HOTTEST}")));
    }
    if let Some(top_p) = options.top_p
        && !(top_p > 0.0 && top_p <= 1.0)
    {
        return Err(invalid(format!("top-p is {top_p}: use more than 0 and at most 1 (all tokens)")));
    }
    if let Some(0) = options.top_k {
        return Err(invalid("top-k is 0: use 1 (greedy) or more, or leave it unset (all tokens)".into()));
    }
    at_most("top-logprobs", options.top_logprobs.into(), TOP_LOGPROBS.into())?;
    at_most("stop strings", options.stop.len(), STOPS)?;
    for stop in &options.stop {
        if stop.is_empty() {
            return Err(invalid("a stop string is empty: it would end every message at once".into()));
        }
        at_most("a stop string's bytes", stop.len(), STOP_BYTES)?;
    }
    Ok(DecodeOptions {
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        top_p: options.top_p,
        top_k: options.top_k,
        min_p: options.min_p,
        repetition_penalty: options.repetition_penalty,
        seed: options.seed,
        stop: options.stop,
        constraint: options.constraint.map(constraint).transpose()?,
        top_logprobs: options.top_logprobs,
    })
}

fn constraint(constraint: wit::Constraint) -> Checked<Constraint> {
    match constraint {
        wit::Constraint::OneOf(choices) if choices.is_empty() => {
            Err(invalid("one-of lists no string: give at least one".into()))
        }
        wit::Constraint::OneOf(choices) => {
            at_most("strings of one-of", choices.len(), CHOICES)?;
            Ok(Constraint::OneOf(choices))
        }
        wit::Constraint::Regex(regex) => Ok(Constraint::Regex(regex)),
        wit::Constraint::JsonSchema(schema) => Ok(Constraint::JsonSchema(schema)),
    }
}

pub(super) fn role(role: wit::Role) -> Role {
    match role {
        wit::Role::System => Role::System,
        wit::Role::User => Role::User,
        wit::Role::Assistant => Role::Assistant,
        wit::Role::Tool => Role::Tool,
        wit::Role::Raw => Role::Raw,
    }
}

pub(super) fn part(part: wit::Part) -> Part {
    match part {
        wit::Part::Whole => Part::Whole,
        wit::Part::Open => Part::Open,
        wit::Part::Middle => Part::Middle,
        wit::Part::Close => Part::Close,
    }
}

pub(super) fn lane(lane: Result<Decoded, Error>) -> Result<wit::Decoded, wit::Error> {
    let decoded = lane.map_err(convert_error)?;
    Ok(wit::Decoded {
        id: decoded.id,
        text: decoded.text,
        finish: finish(decoded.finish),
        tokens: decoded.tokens,
        logprobs: decoded.logprobs.into_iter().map(logprobs).collect(),
    })
}

pub(super) fn description(description: Description) -> wit::Description {
    let placed = |(id, offset)| wit::Parent { id, offset: Some(offset), refresh: None };
    wit::Description {
        role: match description.role {
            Role::System => wit::Role::System,
            Role::User => wit::Role::User,
            Role::Assistant => wit::Role::Assistant,
            Role::Tool => wit::Role::Tool,
            Role::Raw => wit::Role::Raw,
        },
        name: description.name,
        part: match description.part {
            Part::Whole => wit::Part::Whole,
            Part::Open => wit::Part::Open,
            Part::Middle => wit::Part::Middle,
            Part::Close => wit::Part::Close,
        },
        tokens: description.tokens,
        finish: finish(description.finish),
        labels: Vec::new(),
        parents: description.parents.into_iter().map(placed).collect(),
        offset: description.offset,
    }
}

fn finish(finish: Finish) -> wit::Finish {
    match finish {
        Finish::Prefilled => wit::Finish::Prefilled,
        Finish::End => wit::Finish::End,
        Finish::StopString(index) => wit::Finish::StopString(index),
        Finish::Constraint => wit::Finish::Constraint,
        Finish::Length => wit::Finish::Length,
        Finish::Cancelled => wit::Finish::Cancelled,
        Finish::Budget(name) => wit::Finish::Budget(name),
    }
}

fn logprobs(logprobs: Logprobs) -> wit::Logprobs {
    let token =
        |token: TokenLogprob| wit::TokenLogprob { token: token.token, bytes: token.bytes, logprob: token.logprob };
    wit::Logprobs { chosen: token(logprobs.chosen), top: logprobs.top.into_iter().map(token).collect() }
}

pub(super) fn convert_error(error: Error) -> wit::Error {
    let shortage =
        |shortage: Shortage| wit::Shortage { what: shortage.what, asked: shortage.asked, left: shortage.left };
    let cause = match error.cause {
        Cause::UnknownMessage(id) => wit::Cause::UnknownMessage(id),
        Cause::Lost(id) => wit::Cause::Lost(id),
        Cause::InvalidArgument(why) => wit::Cause::InvalidArgument(why),
        Cause::ContextOverflow(short) => wit::Cause::ContextOverflow(shortage(short)),
        Cause::CacheFull(short) => wit::Cause::CacheFull(shortage(short)),
        Cause::Budget(short) => wit::Cause::Budget(shortage(short)),
        Cause::Timeout(short) => wit::Cause::Timeout(shortage(short)),
        Cause::Unsupported(what) => wit::Cause::Unsupported(what),
        Cause::Engine(why) => wit::Cause::Engine(why),
    };
    wit::Error { cause, call: error.call }
}

/// Converts the calls of a list; an error says which call is to blame.
fn each<From, To>(calls: Vec<From>, convert: impl Fn(From) -> Checked<To>) -> Checked<Vec<To>> {
    at_most("calls in the list", calls.len(), CALLS)?;
    let blame = |index: u32, error: Error| Error { call: Some(index), ..error };
    (0u32..).zip(calls).map(|(index, call)| convert(call).map_err(|error| blame(index, error))).collect()
}

fn at_most(what: &str, asked: usize, allowed: usize) -> Checked<()> {
    if asked > allowed {
        return Err(invalid(format!("{what}: {asked}, and at most {allowed} are allowed")));
    }
    Ok(())
}

fn absent<T>(field: Option<T>, what: &str) -> Checked<()> {
    field.map_or(Ok(()), |_| Err(unsupported(what)))
}

fn invalid(why: String) -> Error {
    Error { cause: Cause::InvalidArgument(why), call: None }
}

fn unsupported(what: &str) -> Error {
    Error { cause: Cause::Unsupported(what.into()), call: None }
}
