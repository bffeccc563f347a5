//! Three agents solve a problem apart; a fourth sees what they said and decides.

use choreo_guest::{Outcome, decode, decode_all, plan, prefill};

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let problem = args.first().ok_or("no problem: give one as the first argument")?;
    let system = |task: &str| prefill(format!("{task} Problem: {problem}")).system();
    let solve = system("You are one of several agents. Solve the problem step by step, then write the answer.");
    let decide = system(
        "Several agents have solved the problem below. Use their answers as advice only, and solve the problem again step by step.",
    );
    let (solve, decide) = (solve.send()?, decide.send()?);

    // One list: the three run together, and none sees another.
    let agent = |number| decode(format!("From Agent {number}:\n")).after([solve]).max_tokens(64).temperature(0.7);
    let opinions = decode_all((1..=3).map(agent))?;

    // The opinions stand one after another. None of them is encoded again.
    let verdict = decode("From Agent 4:\n").after([decide]).after(&opinions).max_tokens(64).temperature(0.0).send()?;
    Ok(verdict.text)
}
