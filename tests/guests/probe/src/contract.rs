//! Single calls, right and wrong.

use std::fmt::Display;
use std::time::Duration;

use choreo_guest::{
    Constraint, Error, Message, Outcome, Part, Refresh, Role, Until, count_tokens, decode, limit, model, prefill,
    remaining, score, wait_any,
};

pub(crate) fn first_call() -> Outcome {
    let message = prefill("The first call.").send()?;
    Ok(format!("message {}", u32::from(message)))
}

/// One decode of so many tokens, or of what the context has room for.
pub(crate) fn sleep_decode(tokens: u32) -> Outcome {
    let room = model().context.saturating_sub(64);
    let decoded = decode("Once").raw().max_tokens(tokens.min(room)).send()?;
    Ok(format!("{:?} after {} tokens", decoded.finish, decoded.tokens))
}

pub(crate) fn unknown_message() -> Outcome {
    let known = prefill("Known.").send()?;
    Ok(decode("").after([known, Message::from(999)]).send()?.text)
}

pub(crate) fn empty_raw_header() -> Outcome {
    let message = prefill("Before.").send()?;
    Ok(decode("").raw().after([message]).send()?.text)
}

pub(crate) fn offset_past_context() -> Outcome {
    let message = prefill("Far away.").send()?;
    let far = u32::MAX - 1;
    Ok(decode("").after([message.at(far)]).max_tokens(1).send()?.text)
}

pub(crate) fn release_then_use() -> Outcome {
    let message = prefill("Gone.").send()?;
    message.release()?;
    Ok(decode("").after([message]).max_tokens(1).send()?.text)
}

/// A line for each part of the contract that a host may not serve yet: `NAME: ok`
/// or the error's text.
pub(crate) fn unsupported() -> Outcome {
    let seen = prefill("Seen.").send()?;
    let short = || decode("Then").after([seen]).max_tokens(2);
    let digits = || Constraint::Regex("[0-9]+".into());
    let mut budgets = remaining().into_iter();
    let lines = [
        line("start-decode", short().start().and_then(|pending| pending.finish())),
        line("read", short().start().and_then(|pending| pending.read())),
        line("cancel", short().start().and_then(|pending| pending.cancel())),
        line("wait-any", short().start().and_then(|one| wait_any([&one], Until::Text, Some(Duration::from_millis(1))))),
        line("score", score("", ["yes", "no"]).after([seen]).send()),
        line("describe", seen.describe()),
        line("count-tokens", count_tokens(Role::User, Part::Whole, ["one two"])),
        line("limit", budgets.next().map_or(Ok(()), |budget| limit(budget.name, budget.left))),
        line("one-of", short().constraint(Constraint::OneOf(vec!["a".into()])).send()),
        line("regex", short().constraint(digits()).send()),
        line("json-schema", short().constraint(Constraint::JsonSchema("{}".into())).send()),
        line("link", short().after([seen.refresh(Refresh::Link(1))]).send()),
        line("blend", short().after([seen.refresh(Refresh::Blend(0.5))]).send()),
        line("full", short().after([seen.refresh(Refresh::Full)]).send()),
        line("labels", prefill("Secret.").labels(["secret"]).send()),
        line("may-see", short().may_see(["secret"]).send()),
        line("name", prefill("Named.").named("alice").send()),
        line("tool", prefill("A tool's answer.").tool().send()),
        line("open", prefill("Open.").part(Part::Open).send()),
        line("stop", short().stop(["."]).send()),
        line("min-p", short().temperature(1.0).min_p(0.1).send()),
        line("repetition-penalty", short().repetition_penalty(1.1).send()),
        line("top-logprobs", short().top_logprobs(2).send()),
    ];
    Ok(lines.join("\n"))
}

fn line<T>(name: impl Display, answer: Result<T, Error>) -> String {
    match answer {
        Ok(_) => format!("{name}: ok"),
        Err(error) => format!("{name}: {error}"),
    }
}
