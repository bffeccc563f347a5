//! What is measured: workloads, the ways each is run, and the tables of it.

use anyhow::{Context, Result};
use serde_json::json;

use super::drive::Measured;
use super::table::Page;
use super::workflows::{self, Draw, Order, Problem, TreeLengths};
use super::workload::{Builder, Workload};
use super::{PaperArguments, Stand, Study};
use crate::cli::statistics::{Estimate, mean_ratio};
use crate::engine::{Mode, Pace};

/// Tokens of a problem's text: the mean of real ones (MATH).
const PROBLEM: usize = 74;

/// A way to run a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    Choreo,
    /// A prefix cache; conversations that grow, where the workflow has them.
    Prefix(Order),
    /// Another engine, the same prompts as that of `Prefix`.
    Outside(Order),
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Choreo => "choreo",
            Self::Prefix(Order::Shared) => "prefix, shared first",
            Self::Prefix(_) => "prefix",
            Self::Outside(Order::Shared) => "llama.cpp, shared first",
            Self::Outside(_) => "llama.cpp",
        }
    }

    fn order(self) -> Order {
        match self {
            Self::Choreo => Order::Plan,
            Self::Prefix(order) | Self::Outside(order) => order,
        }
    }
}

/// The same workloads in several ways, in turn.
pub(super) struct Series {
    variants: Vec<Variant>,
    /// By variant, then by problem.
    measured: Vec<Vec<Measured>>,
}

impl Series {
    /// Runs `problems` workloads in each way; the order of the ways goes round.
    pub(super) fn run(
        stand: &Stand,
        orders: &[Order],
        (problems, pace): (usize, Pace),
        make: &dyn Fn(usize, Order) -> Result<Workload>,
    ) -> Result<Self> {
        let mut variants = vec![Variant::Choreo];
        variants.extend(orders.iter().map(|order| Variant::Prefix(*order)));
        if stand.outside.is_some() {
            variants.extend(orders.iter().map(|order| Variant::Outside(*order)));
        }
        let mut measured = vec![Vec::new(); variants.len()];
        for problem in 0..problems {
            for turn in 0..variants.len() {
                let at = (turn + problem) % variants.len();
                let workload = make(problem, variants[at].order())?;
                let one = match (variants[at], &stand.outside) {
                    (Variant::Outside(_), Some(outside)) => outside.drive(&workload, stand.chat.beginning(), pace)?,
                    (Variant::Choreo, _) => stand.drive(&workload, Mode::Choreo, pace)?,
                    _ => stand.drive(&workload, Mode::Prefix, pace)?,
                };
                measured[at].push(one);
            }
        }
        Ok(Self { variants, measured })
    }

    /// A row for each way: its times, each beside its ratio to that of `choreo`.
    pub(super) fn rows(&self, what: &str, times: &[Time], page: &mut Page) -> Result<()> {
        for (variant, measured) in self.variants.iter().zip(&self.measured) {
            let mean =
                |of: &dyn Fn(&Measured) -> f64| measured.iter().map(of).sum::<f64>() / measured.len().max(1) as f64;
            let mut row = vec![what.to_owned(), variant.name().to_owned()];
            let mut ratios = serde_json::Map::new();
            for time in times {
                let of = |one: &Measured| time.of(one);
                let pairs: Vec<(f64, f64)> =
                    measured.iter().zip(&self.measured[0]).map(|(one, choreo)| (of(one), of(choreo))).collect();
                let ratio = (*variant != Variant::Choreo).then(|| mean_ratio(&pairs));
                row.push(format!("{:.0}", mean(&of)));
                row.push(ratio.as_ref().map_or("1".into(), Estimate::to_string));
                ratios.insert(time.name().to_owned(), json!(ratio));
            }
            let peak = measured.iter().filter_map(|one| one.peak_bytes).max();
            row.push(format!("{:.0}", mean(&|one| one.encoded as f64)));
            row.push(format!("{:.0}", mean(&|one| one.reused as f64)));
            row.push(peak.map_or("?".into(), |bytes| format!("{:.0}", bytes as f64 / f64::from(1 << 20))));
            page.add(row, json!({ "what": what, "variant": variant.name(), "ratios": ratios, "problems": measured }))?;
        }
        Ok(())
    }
}

/// A time that a table has a column of, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    /// To first tokens, all lists of decodes together.
    First,
    /// To the first tokens of the last list.
    Last,
    /// From the first call to the last answer.
    Total,
}

impl Time {
    fn name(self) -> &'static str {
        match self {
            Self::First | Self::Last => "TTFT, ms",
            Self::Total => "end to end, ms",
        }
    }

    fn of(self, measured: &Measured) -> f64 {
        match self {
            Self::First => measured.first_total(),
            Self::Last => measured.first_ms.last().copied().unwrap_or_default(),
            Self::Total => measured.total_ms,
        }
    }
}

/// A table of these times, begun.
fn table(title: String, times: &[Time]) -> Result<Page> {
    let times = times.iter().flat_map(|time| [time.name(), "÷ choreo"]);
    let columns: Vec<&str> =
        ["workflow", "mode"].into_iter().chain(times).chain(["tokens encoded", "reused", "cache MiB"]).collect();
    Page::begin(title, &columns)
}

/// Runs a study, and returns its tables.
pub(super) fn run(stand: &Stand, study: &Study, problems: &[Problem]) -> Result<Vec<Page>> {
    match study {
        Study::Paper(arguments) => paper(stand, arguments, problems),
        Study::Tot(arguments) => {
            let times = [Time::First, Time::Total];
            let mut page = table(format!("Tree of thoughts, {} problems", arguments.problems), &times)?;
            for branches in &arguments.branches {
                for voters in &arguments.voters {
                    let make = |problem: usize, _: Order| {
                        let seed = stand.seed + problem as u64;
                        let mut lengths = Builder::new(&stand.chat, seed ^ (1 << 32));
                        let mut around = |count: usize, mean, deviation| -> Vec<usize> {
                            (0..count).map(|_| lengths.around(mean, deviation)).collect()
                        };
                        let (proposals, votes) = (around(*branches, 127.0, 35.0), around(*voters, 43.0, 10.0));
                        let lengths = TreeLengths { proposals, votes, answer: 127 };
                        workflows::tot(&draw(stand, seed, &Problem::Tokens(PROBLEM)), &lengths)
                    };
                    let series = Series::run(stand, &[Order::Plan], (arguments.problems, Pace::OneByOne), &make)?;
                    series.rows(&format!("B {branches}, V {voters}"), &times, &mut page)?;
                }
            }
            Ok(vec![page])
        }
        Study::Agents(arguments) => {
            let times = [Time::First, Time::Total];
            let mut page = table(format!("Parallel debate, {} problems", arguments.problems), &times)?;
            for agents in &arguments.agents {
                let make = |problem: usize, order: Order| {
                    let draw = draw(stand, stand.seed + problem as u64, &Problem::Tokens(PROBLEM));
                    workflows::madpar(&draw, order, (*agents, arguments.rounds), |_| arguments.turn)
                };
                let orders = [Order::Conversation, Order::Shared];
                let series = Series::run(stand, &orders, (arguments.problems, Pace::OneByOne), &make)?;
                series.rows(&format!("{agents} agents"), &times, &mut page)?;
            }
            Ok(vec![page])
        }
        Study::Documents(arguments) => {
            let mut page = table("Documents in another order".into(), &[Time::Last])?;
            for tokens in &arguments.tokens {
                for question in [0, arguments.question] {
                    let make = |problem: usize, _: Order| {
                        let draw = draw(stand, stand.seed + problem as u64, &Problem::Tokens(1));
                        workflows::documents(&draw, *tokens, question)
                    };
                    let series = Series::run(stand, &[Order::Plan], (arguments.problems, Pace::AtOnce), &make)?;
                    series.rows(&format!("{tokens} tokens, question of {question}"), &[Time::Last], &mut page)?;
                }
            }
            Ok(vec![page])
        }
    }
}

fn draw<'a>(stand: &'a Stand, seed: u64, problem: &'a Problem) -> Draw<'a> {
    Draw { chat: &stand.chat, seed, problem }
}

fn paper(stand: &Stand, arguments: &PaperArguments, problems: &[Problem]) -> Result<Vec<Page>> {
    let problem = |number: usize| &problems[number % problems.len()];
    let seed = |number: usize| stand.seed + number as u64;
    let maditer = |number: usize, order: Order| workflows::maditer(&draw(stand, seed(number), problem(number)), order);
    let tot = |number: usize, _: Order| {
        let lengths: Vec<TreeLengths> = serde_json::from_str(include_str!("lengths.json"))?;
        workflows::tot(&draw(stand, seed(number), problem(number)), &lengths[number % lengths.len()])
    };
    let madpar = |number: usize, order: Order| {
        let draw = draw(stand, seed(number), problem(number));
        workflows::madpar(&draw, order, (3, 3), |builder| builder.around(240.0, 80.0))
    };
    type Make<'a> = &'a dyn Fn(usize, Order) -> Result<Workload>;
    let workflows: [(&str, &[Order], Make<'_>); 3] = [
        ("MADiter", &[Order::Conversation, Order::Shared], &maditer),
        ("ToT (B 8, V 4)", &[Order::Plan], &tot),
        ("MADpar (3 agents, 3 rounds)", &[Order::Conversation, Order::Shared], &madpar),
    ];
    let parts = [
        (arguments.ttft, Pace::AtOnce, "First tokens", &[Time::First][..]),
        (arguments.problems, Pace::OneByOne, "Whole runs", &[Time::First, Time::Total][..]),
    ];
    let mut pages = Vec::new();
    for (count, pace, title, times) in parts.into_iter().filter(|(count, ..)| *count > 0) {
        let mut page = table(format!("{title}, {count} problems"), times)?;
        for (name, orders, make) in workflows {
            Series::run(stand, orders, (count, pace), make)?.rows(name, times, &mut page)?;
        }
        pages.push(page);
    }
    Ok(pages)
}

/// The problems that a study is about.
pub(super) fn problems(study: &Study) -> Result<Vec<Problem>> {
    #[derive(serde::Deserialize)]
    struct Given {
        problem: String,
    }
    let Study::Paper(PaperArguments { problems_file: Some(path), .. }) = study else {
        return Ok(vec![Problem::Tokens(PROBLEM)]);
    };
    let cannot =
        || format!("cannot read the problems of {}: give a JSON list of objects with a problem", path.display());
    let text = std::fs::read(path).with_context(cannot)?;
    let given: Vec<Given> = serde_json::from_slice(&text).with_context(cannot)?;
    anyhow::ensure!(!given.is_empty(), "{} has no problem: give one at least", path.display());
    Ok(given.into_iter().map(|given| Problem::Text(given.problem)).collect())
}
