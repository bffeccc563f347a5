//! The prisoner's dilemma: two players plan in private, talk, and decide apart. An
//! utterance was encoded in sight of its speaker's rules and plan, so whoever sees it
//! in the cache may learn of them: the paper's study of leakage.
//!
//! `--leak` says what may leak; anything but `all` gives the hearer another message
//! with the same text. In the published code such a message still sees the leaky one
//! it stands for, and the plan in its view was encoded in sight of the rules, which
//! were to be left out. Here no re-encoded message sees either.
//!
//! Arguments: see `USAGE` in `options.rs`.

mod options;

use choreo_guest::{Constraint, Decode, Message, Outcome, decode_all, plan, prefill};
use options::{Leak, Options};
use plan_shared::{Transcript, fill, object, schema, word};
use serde_json::json;

const RULES: &str = include_str!("../prompts/rules.txt");
const PLAN: &str = include_str!("../prompts/plan.txt");
const DECIDE: &str = include_str!("../prompts/decide.txt");
const PREDICT: &str = include_str!("../prompts/predict.txt");
const NAMES: [&str; 2] = ["Alice", "Bob"];
const COOPERATE: &str = "COOPERATE";
const DEFECT: &str = "DEFECT";

plan!(run);

/// What a player sees.
struct Player {
    /// The rules, and the request for a plan.
    told: [Message; 2],
    plan: Message,
    /// The plan's text in a message that sees nothing, where plans alone may leak.
    bare_plan: Option<Message>,
    talk: Vec<Message>,
}

impl Player {
    fn view(&self) -> Vec<Message> {
        [&self.told[..], &[self.plan], &self.talk].concat()
    }
}

fn run(args: Vec<String>) -> Outcome {
    let options = Options::parse(args)?;
    let [t, r, p, s] = options.payoffs.map(|points| points.to_string());
    let mut transcript = Transcript::new(&format!("Payoffs: {t},{r},{p},{s}"));

    let mut told = Vec::new();
    for (name, other, strategy) in [(0, 1, options.strategies[0]), (1, 0, options.strategies[1])] {
        let names = [("name", NAMES[name]), ("other", NAMES[other]), ("strategy", strategy)];
        let points: [(&str, &str); 4] = [("T", &t), ("R", &r), ("P", &p), ("S", &s)];
        let rules = prefill(fill(RULES, &[&names[..], &points].concat())).system().send()?;
        told.push([rules, prefill(fill(PLAN, &names)).after([rules]).send()?]);
    }
    let plans = decode_all(told.iter().map(|told| options.sampling.decode("My plan:").after(told)))?;
    let mut players = Vec::new();
    transcript.section("Plans");
    for ((told, plan), name) in told.into_iter().zip(plans).zip(NAMES) {
        transcript.line(&format!("{name}: {}", plan.text));
        let bare_plan = match options.leak {
            Leak::Plans => Some(prefill(plan.text).assistant().send()?),
            _ => None,
        };
        players.push(Player { told, plan: plan.id, bare_plan, talk: Vec::new() });
    }

    transcript.section("Talk");
    // The utterances as the other player hears them.
    let mut heard: Vec<Message> = Vec::new();
    for turn in 0..2 * options.rounds as usize {
        let speaker = (options.first + turn) % 2;
        let hearer = 1 - speaker;
        let header = format!("To {}:", NAMES[hearer]);
        let said = options.sampling.decode(header).after(players[speaker].view()).send()?;
        transcript.line(&format!("{}: {}", NAMES[speaker], said.text));
        let Player { told, bare_plan, .. } = &players[speaker];
        let seen = match options.leak {
            Leak::All => None,
            Leak::None => Some(players[hearer].view()),
            Leak::Plans => Some(bare_plan.iter().chain(&heard).copied().collect()),
            Leak::Rules => Some(told.iter().chain(&heard).copied().collect()),
        };
        let again = match seen {
            Some(seen) => prefill(said.text).assistant().after(seen).send()?,
            None => said.id,
        };
        players[speaker].talk.push(said.id);
        players[hearer].talk.push(again);
        heard.push(again);
    }

    let asking = |prompt, field: &'static str| {
        let ask = |(player, other): (&Player, &str)| -> Outcome<Decode> {
            let question = prefill(fill(prompt, &[("other", other)])).after(player.view()).send()?;
            let form = schema([(field, json!({"enum": [COOPERATE, DEFECT]}))]);
            let answer = options.sampling.decode("").constraint(Constraint::JsonSchema(form));
            Ok(answer.after(player.view()).after([question]))
        };
        players.iter().zip(NAMES.into_iter().rev()).map(ask).collect::<Outcome<Vec<_>>>()
    };
    let mut calls = asking(DECIDE, "decision")?;
    if options.predict {
        calls.extend(asking(PREDICT, "prediction")?);
    }
    let answers = decode_all(calls)?;
    for (title, answers) in ["Decisions", "Predictions"].iter().zip(answers.chunks(2)) {
        transcript.section(title);
        for (name, answer) in NAMES.iter().zip(answers) {
            transcript.line(&format!("{name}: {}", answer.text));
        }
    }

    let decisions = [0, 1].map(|player| choice(&answers[player].text, "decision"));
    let end = |player: usize| match (decisions[player], decisions[1 - player]) {
        (Some(own), Some(other)) => {
            format!("{} {own} (gets {})", NAMES[player], points(options.payoffs, own, other))
        }
        (own, _) => format!("{} {}", NAMES[player], own.unwrap_or("undecided")),
    };
    transcript.line(&format!("\nOutcome: {}, {}", end(0), end(1)));
    Ok(transcript.end())
}

/// What the JSON's field says, if it is one of the two.
fn choice(text: &str, field: &str) -> Option<&'static str> {
    let said = word(&object(text)?, field)?;
    [COOPERATE, DEFECT].into_iter().find(|known| said.eq_ignore_ascii_case(known))
}

/// The points for one who decides so while the other decides otherwise or as well.
fn points([alone, both_cooperate, both_defect, deceived]: [i32; 4], own: &str, other: &str) -> i32 {
    match (own == COOPERATE, other == COOPERATE) {
        (true, true) => both_cooperate,
        (true, false) => deceived,
        (false, true) => alone,
        (false, false) => both_defect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_one_of_the_two() {
        assert_eq!(choice(r#"{"decision":"DEFECT"}"#, "decision"), Some(DEFECT));
        assert_eq!(choice(r#"I say {"decision": "cooperate"}."#, "decision"), Some(COOPERATE));
        assert_eq!(choice(r#"{"decision":"COOPERATE or DEFECT"}"#, "decision"), None);
        assert_eq!(choice(r#"{"decision":"DEF"#, "decision"), None);
    }

    #[test]
    fn points_follow_from_both_decisions() {
        let both = |own, other| [points([5, 3, 1, 0], own, other), points([5, 3, 1, 0], other, own)];
        assert_eq!(both(COOPERATE, COOPERATE), [3, 3]);
        assert_eq!(both(COOPERATE, DEFECT), [0, 5]);
        assert_eq!(both(DEFECT, DEFECT), [1, 1]);
    }
}
