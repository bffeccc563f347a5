//! The embedded model's floors, on held-out items, direct and greedy.

use choreo_host::engine::Mode;
use choreo_tests::evaluation::{Evaluation, Fact, Pair, Problem, Score, WAYS, held_out};

#[track_caller]
#[expect(clippy::print_stdout, reason = "the figure is wanted where the test passes, too")]
fn at_least(score: Score, floor: f64) {
    println!("{} of {}", score.right, score.asked);
    assert!(score.asked == 200 && score.percent() >= floor, "{score:?} is below {floor}%");
}

#[test]
fn the_embedded_model_knows_its_facts() {
    at_least(Evaluation::new().facts(Mode::Choreo, &held_out::<Fact>("facts")), 98.0);
}

#[test]
fn the_embedded_model_answers_two_questions_at_once() {
    at_least(Evaluation::new().questions(Mode::Choreo, "baseline", 2, &held_out::<Pair>("pairs")), 95.0);
}

/// Problems by one of `WAYS`.
fn problems(mode: Mode, name: &str, way: usize) -> Score {
    let (_, plan, arguments) = WAYS[way];
    Evaluation::new().problems(mode, plan, arguments, &held_out::<Problem>(name)[..200])
}

#[test]
fn the_embedded_model_answers_four_questions_at_once() {
    at_least(Evaluation::new().questions(Mode::Choreo, "baseline", 4, &held_out::<Pair>("fours")), 95.0);
}

#[test]
fn the_embedded_model_solves_problems_of_two_steps() {
    at_least(problems(Mode::Choreo, "problems", 0), 90.0);
}

#[test]
fn the_embedded_model_solves_problems_of_three_or_four_steps() {
    at_least(problems(Mode::Choreo, "hard", 0), 90.0);
}

/// As the model was trained: what a call sees is encoded as one text.
#[test]
fn debates_and_votes_are_better_than_one_sampled_answer() {
    let [sampled, parallel, in_turns, tree] = [1, 2, 4, 5].map(|way| problems(Mode::Prefix, "hard", way));
    at_least(sampled, 80.0);
    at_least(parallel, sampled.percent() + 5.0);
    at_least(in_turns, sampled.percent() + 2.0);
    at_least(tree, sampled.percent() + 2.0);
}
