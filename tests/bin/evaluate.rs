//! Prints what the embedded model can do, asked through real plans:
//! `cargo run --package choreo-tests --bin evaluate`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]

use choreo_host::engine::Mode;
use choreo_tests::evaluation::{Evaluation, Fact, Pair, Problem, Score, held_out};

fn main() {
    let (facts, pairs) = (held_out::<Fact>("facts"), held_out::<Pair>("pairs"));
    let problems = held_out::<Problem>("problems");
    let (direct, debated) = problems.split_at(200);
    let evaluation = Evaluation::new();

    let row = |what: &str, score: &dyn Fn(Mode) -> Score| {
        let [choreo, naive] = [Mode::Choreo, Mode::Naive].map(score);
        println!("{what:<52} {:>7.1}% {:>7.1}%   of {}", choreo.percent(), naive.percent(), choreo.asked);
    };
    println!("{:<52} {:>8} {:>8}", "", "choreo", "naive");
    row("single facts, greedy", &|mode| evaluation.facts(mode, &facts));
    for placement in ["baseline", "serial", "parallel"] {
        let what = format!("two questions, both right, placement {placement}");
        row(&what, &|mode| evaluation.pairs(mode, placement, &pairs));
    }
    row("two-step problems, one agent, greedy", &|mode| evaluation.alone(mode, "0", direct));
    row("two-step problems, one answer at temperature 0.7", &|mode| evaluation.alone(mode, "0.7", debated));
    row("the same, 3 agents, 2 rounds, majority", &|mode| evaluation.debate(mode, debated));
}
