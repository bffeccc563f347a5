//! Prints what the embedded model can do, asked through real plans:
//! `cargo run --package choreo-tests --bin evaluate`. Problems are sampled at temperature 1.5,
//! stories and games at 1.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]

use choreo_host::engine::Mode;
use choreo_tests::evaluation::{Evaluation, Fact, Game, Pair, Problem, Reading, Score, WAYS, held_out};

const MODES: [Mode; 2] = [Mode::Choreo, Mode::Prefix];

fn main() {
    let evaluation = Evaluation::new();
    let row = |what: &str, score: &dyn Fn(Mode) -> Score| {
        let [choreo, prefix] = MODES.map(score);
        println!("{what:<52} {:>7.1}% {:>7.1}%   of {}", choreo.percent(), prefix.percent(), choreo.asked);
    };
    println!("{:<52} {:>8} {:>8}", "", "choreo", "prefix");

    let facts: Vec<Fact> = held_out("facts");
    row("single facts, greedy", &|mode| evaluation.facts(mode, &facts));
    let (pairs, fours): (Vec<Pair>, Vec<Pair>) = (held_out("pairs"), held_out("fours"));
    for (count, items) in [(2, &pairs), (4, &fours)] {
        for placement in ["baseline", "serial", "parallel"] {
            let what = format!("{count} questions, all right, placement {placement}");
            row(&what, &|mode| evaluation.questions(mode, placement, count, items));
        }
    }
    let (easy, hard): (Vec<Problem>, Vec<Problem>) = (held_out("problems"), held_out("hard"));
    for (steps, problems) in [("two steps", &easy[..200]), ("three or four steps", &hard[..])] {
        for (way, plan, arguments) in WAYS {
            row(&format!("{steps}, {way}"), &|mode| evaluation.problems(mode, plan, arguments, problems));
        }
    }
    let words: Vec<Vec<String>> = held_out("words");
    for placement in ["serial", "parallel"] {
        let what = format!("bsm, every word in the story, {placement}");
        row(&what, &|mode| evaluation.stories(mode, placement, &words));
    }
    let readings: Vec<Reading> = held_out("documents");
    for layout in ["row", "side-by-side"] {
        row(&format!("documents, {layout}"), &|mode| evaluation.readings(mode, layout, &readings));
    }
    let games: Vec<Game> = held_out("games");
    row("prisoners, decisions and predictions as they follow", &|mode| evaluation.games(mode, &games));
}
