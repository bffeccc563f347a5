//! What the arguments ask for.

use choreo_guest::Outcome;
use plan_shared::{Arguments, Named, Sampling};

const USAGE: &str = "[--payoffs T,R,P,S] [--alice STRATEGY] [--bob STRATEGY] (free, honest, deceive, cooperate or defect) \
    [--first alice|bob] [--rounds R] [--leak all|none|plans|rules] [--predict] [--temperature T] [--max-tokens N]";

/// A player's strategy, as the rules tell it to that player.
const STRATEGIES: Named<'_, &str> = &[
    ("free", ""),
    ("honest", "You say truly what you will do."),
    ("deceive", "You promise to cooperate, and you defect."),
    ("cooperate", "You always cooperate."),
    ("defect", "You always defect."),
];

/// What of a speaker's private messages the encoding of an utterance has seen when
/// the other player hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leak {
    /// All of them: the hearer sees the utterance as it was decoded.
    All,
    /// None: it is encoded anew in the hearer's own view, as without a cache.
    None,
    /// The plan, encoded without the rules, and nothing else.
    Plans,
    /// The rules with the speaker's strategy, and not the plan.
    Rules,
}

pub(crate) struct Options {
    /// Points: for who defects alone, for both who cooperate, for both who defect,
    /// for who cooperates alone.
    pub(crate) payoffs: [i32; 4],
    /// Sentences, Alice's and Bob's.
    pub(crate) strategies: [&'static str; 2],
    /// Who speaks first: 0 is Alice.
    pub(crate) first: usize,
    pub(crate) rounds: u32,
    pub(crate) leak: Leak,
    /// Whether the players predict each other's decisions.
    pub(crate) predict: bool,
    pub(crate) sampling: Sampling,
}

impl Options {
    pub(crate) fn parse(args: Vec<String>) -> Outcome<Self> {
        let mut arguments = Arguments::new(args, USAGE);
        let leaks = [("all", Leak::All), ("none", Leak::None), ("plans", Leak::Plans), ("rules", Leak::Rules)];
        let options = Self {
            payoffs: payoffs(&arguments.value("--payoffs")?.unwrap_or_else(|| "5,3,1,0".into()))?,
            strategies: [arguments.choice("--alice", STRATEGIES)?, arguments.choice("--bob", STRATEGIES)?],
            first: arguments.choice("--first", &[("alice", 0), ("bob", 1)])?,
            rounds: arguments.number("--rounds", 2, 0..=64)?,
            leak: arguments.choice("--leak", &leaks)?,
            predict: arguments.flag("--predict"),
            sampling: Sampling::take(&mut arguments, 1.0)?,
        };
        match arguments.word()? {
            None => Ok(options),
            Some(word) => Err(format!("no use for {word:?}: take {USAGE}").into()),
        }
    }
}

fn payoffs(text: &str) -> Result<[i32; 4], String> {
    let numbers: Option<Vec<i32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let four = numbers.and_then(|numbers| numbers.try_into().ok());
    four.ok_or_else(|| format!("--payoffs takes four numbers, such as 5,3,1,0, not {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Outcome<Options> {
        Options::parse(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn the_game_is_set_by_its_arguments() {
        let default = parse(&[]).unwrap();
        assert_eq!((default.payoffs, default.strategies, default.first), ([5, 3, 1, 0], ["", ""], 0));
        assert_eq!((default.leak, default.predict, default.rounds), (Leak::All, false, 2));
        let other = ["--bob", "deceive", "--payoffs", "9, 3,-1,0", "--first", "bob", "--leak", "rules", "--predict"];
        let other = parse(&other).unwrap();
        assert_eq!((other.payoffs, other.strategies[0], other.first), ([9, 3, -1, 0], "", 1));
        assert!(other.strategies[1].starts_with("You promise") && other.predict && other.leak == Leak::Rules);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let fails = |words: &[&str], start: &str| {
            let error = parse(words).err().unwrap().to_string();
            assert!(error.starts_with(start) && !error.contains('\n'), "{error}");
        };
        fails(&["--payoffs", "5,3,1"], "--payoffs takes four numbers, such as 5,3,1,0, not \"5,3,1\"");
        fails(&["--alice", "nice"], "--alice takes one of free, honest, deceive, cooperate, defect, not \"nice\"");
        fails(&["hello"], "no use for \"hello\": take [--payoffs");
    }
}
