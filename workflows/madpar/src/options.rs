//! What the arguments ask for.

use choreo_guest::Outcome;

/// A problem and its answer a line, with a tab between.
const PROBLEMS: &str = include_str!("../problems.txt");

pub(crate) struct Options {
    pub(crate) agents: usize,
    /// Rounds of updates after the first answers.
    pub(crate) rounds: usize,
    pub(crate) temperature: f32,
    /// Most tokens of one turn.
    pub(crate) max_tokens: u32,
    pub(crate) problem: String,
    /// The right answer, where the problem is one of those that are held out.
    pub(crate) expected: Option<String>,
}

impl Options {
    pub(crate) fn parse(args: Vec<String>) -> Outcome<Self> {
        let mut options =
            Self { agents: 3, rounds: 2, temperature: 0.7, max_tokens: 64, problem: String::new(), expected: None };
        let mut draw: usize = 1;
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_default();
            match arg.as_str() {
                "--agents" => options.agents = number(&arg, &value())?,
                "--rounds" => options.rounds = number(&arg, &value())?,
                "--temperature" => options.temperature = number(&arg, &value())?,
                "--max-tokens" => options.max_tokens = number(&arg, &value())?,
                "--draw" => draw = number(&arg, &value())?,
                flag if flag.starts_with("--") => {
                    return Err(format!("no option is called {flag}: see the top of src/lib.rs").into());
                }
                _ if options.problem.is_empty() => options.problem = arg,
                _ => return Err(format!("a second problem, {arg:?}: give one, in quotes").into()),
            }
        }
        if options.agents == 0 {
            return Err("no agents: ask for at least 1".into());
        }
        if options.problem.is_empty() {
            let problems: Vec<_> = PROBLEMS.lines().filter_map(|line| line.split_once('\t')).collect();
            let index = draw.checked_sub(1).ok_or("no problem 0: they count from 1")?;
            let (problem, answer) = problems[index % problems.len()];
            options.problem = problem.to_owned();
            options.expected = Some(answer.to_owned());
        }
        Ok(options)
    }
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    let number = value.parse();
    number.map_err(|_| format!("{flag} needs a number, not {value:?}"))
}
