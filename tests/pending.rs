//! Messages that are started: read while they grow, waited for, cancelled and
//! dropped, through a real component.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use choreo_host::cache::{Plan, TokenId};
use choreo_host::engine::Mode;
use choreo_host::model::{ForwardError, Logits, Model, ModelShape};
use choreo_tests::rig::{Rig, chat, options};
use proptest::prelude::*;
use serde_json::Value;

use crate::choreography::{cases, decoder};
use crate::graphs::{Lists, choreography, script};
use crate::witness::{Witness, alphabet, mix};

/// The script with every decode started and finished instead; what of its
/// answers tells of a start is to be left out.
fn started(script: &str) -> String {
    let (mut found, mut waiting, mut pendings, mut batch) = (String::new(), Vec::new(), 0, false);
    for line in script.lines() {
        if let Some(call) = line.strip_prefix("decode ") {
            pendings += 1;
            waiting.push(pendings);
            writeln!(found, "start {call}").unwrap();
        } else {
            writeln!(found, "{line}").unwrap();
        }
        batch = line == "batch" || batch && line != "end";
        if !batch {
            for pending in waiting.drain(..) {
                writeln!(found, "finish {pending}\nfinish {pending}").unwrap();
            }
        }
    }
    found
}

#[test]
fn pending_messages_equal_decoded_ones_bit_for_bit() {
    let rig = decoder(64, 16_384);
    let mut runner = proptest::test_runner::TestRunner::new(cases(20));
    let result = runner.run(&(choreography(10), 0u32..3), |(calls, temperature)| {
        let decoding = format!("temperature {} top-logprobs 3", f64::from(temperature) * 0.7);
        for mode in [Mode::Choreo, Mode::Naive] {
            let script = script(&calls, Lists::Joined, &decoding);
            let decoded = rig.script(options(mode, 5), &script).0;
            let answers = rig.script(options(mode, 5), &started(&script)).0;
            let (mut finished, mut again) = (Vec::new(), None);
            for answer in answers.into_iter().filter(|answer| answer["pending"].is_null()) {
                match again.take() {
                    Some(before) => prop_assert_eq!(&answer, &before, "a second time, the same"),
                    None => {
                        again = Some(answer.clone()).filter(|answer| !answer["finish"].is_null());
                        finished.push(answer);
                    }
                }
            }
            prop_assert_eq!(finished, decoded);
        }
        Ok(())
    });
    result.unwrap();
}

/// Writes one text over and over, a token a millisecond.
struct Speller {
    shape: ModelShape,
    text: Vec<TokenId>,
}

impl Speller {
    fn rig(text: &'static str) -> Rig {
        Rig::new(256, move || {
            let chat = chat();
            let vocabulary = chat.vocabulary() as usize;
            let shape = ModelShape { name: "speller".into(), vocabulary, context: 1000, slots: 4000, slot_bytes: 1 };
            (Self { shape, text: chat.encode_text(text) }, chat)
        })
    }
}

impl Model for Speller {
    fn shape(&self) -> &ModelShape {
        &self.shape
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        std::thread::sleep(Duration::from_millis(1));
        let mut values = vec![0.0; plan.sampled.len() * self.shape.vocabulary];
        for (logits, row) in values.chunks_mut(self.shape.vocabulary).zip(&plan.sampled) {
            let next = self.text[plan.indexes[*row] as usize % self.text.len()];
            logits[next.0 as usize] = 1.0;
        }
        Ok(Logits { vocabulary: self.shape.vocabulary, values })
    }
}

#[test]
fn what_is_read_is_the_text_and_never_taken_back() {
    let rig = Speller::rig("\u{e9}\u{20ac} a\u{1f600}b \u{65e5}\u{672c} aab ");
    let mut pieces = 0;
    // The header comes with the first text; stop strings of one character, of
    // several, of parts of one another, and one that never comes.
    for (header, stops) in [
        ("", ""),
        ("H\u{e9}ader ", ""),
        ("", "stop \"aab\""),
        ("H", "stop \"\u{672c} aab \u{e9}\" stop \"ab \u{e9}\u{20ac} ax\""),
        ("", "stop \"b \u{e9}\" stop \"aab \u{e9}\u{20ac} a\u{1f600}b\""),
        ("", "stop \"\u{1f600}b \u{65e5}z\""),
        ("x", "stop \"\u{20ac} a\""),
    ] {
        for max in [1, 2, 3, 5, 17, 60] {
            let script = format!(
                "prefill user \"b\" -\nstart assistant \"{header}\" 1 max {max} {stops}\nread-all 1\nread 1\nfinish 1\n"
            );
            let (answers, _) = rig.script(options(Mode::Choreo, 1), &script);
            let reads: Vec<&str> =
                answers[2]["reads"].as_array().unwrap().iter().map(|read| read.as_str().unwrap()).collect();
            let text = answers[4]["text"].as_str().unwrap();
            assert_eq!(reads.concat(), text, "{stops} {max} {reads:?}");
            assert!(reads.iter().all(|read| !read.is_empty()), "{reads:?}");
            assert!(text.starts_with(header), "{text:?}");
            assert_eq!(answers[3], serde_json::json!({ "read": null }), "nothing more at the end");
            pieces += reads.len();
        }
    }
    assert!(pieces > 100, "texts come in pieces: {pieces}");
}

/// A model that takes its time, so that a guest is there while lanes go on.
struct Slow<M>(M);

impl<M: Model> Model for Slow<M> {
    fn shape(&self) -> &ModelShape {
        self.0.shape()
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        std::thread::sleep(Duration::from_millis(3));
        self.0.forward(plan)
    }
}

/// A hundred pending messages under load: cancelled or dropped at odd moments.
/// Their room returns; those beside them, of this run and of others, are the
/// same bit for bit as alone.
#[test]
fn cancelling_a_hundred_leaves_nothing_behind_and_the_others_alone() {
    let (slots, lanes) = (14_000, 120);
    let load = move || {
        let chat = chat();
        (Witness::new(slots, alphabet(&chat)), chat)
    };
    let slow = move || {
        let (witness, chat) = load();
        (Slow(witness), chat)
    };
    let (alone, crowded) = (Rig::new(256, load), Rig::new(64, slow));
    let start = |verb: &str| {
        let mut script = "prefill user \"a b c\" -\nprefill user \"d e f\" 1\nbatch\n".to_owned();
        for lane in 0..lanes {
            let parents = ["1", "2", "1,2", "2@40,1@3"][lane % 4];
            writeln!(script, "{verb} assistant \"x\" {parents} max 70 temperature 1").unwrap();
        }
        script + "end\n"
    };
    let expected = alone.script(options(Mode::Choreo, 3), &start("decode")).0;
    let noise = "prefill user \"a b c d e f g h\" -\ndecode assistant \"y\" 1 max 40 temperature 1\n";
    let quiet = alone.script(options(Mode::Choreo, 9), noise).0;

    let stop = Arc::new(AtomicBool::new(false));
    let (rig, stopped) = (crowded.clone(), stop.clone());
    let other = std::thread::spawn(move || {
        let mut runs = 0;
        while !stopped.load(Ordering::Relaxed) {
            assert_eq!(rig.script(options(Mode::Choreo, 9), noise).0, quiet);
            runs += 1;
        }
        runs
    });
    for round in 0..4 {
        let mut random = round;
        let mut draw = |below: u64| {
            random = mix(random);
            random % below
        };
        let mut script = start("start");
        let mut order: Vec<usize> = (1..=lanes).collect();
        order.sort_by_cached_key(|_| draw(1 << 40));
        // (pending message, whether it was let go on) in the order of the answers
        let mut kept = Vec::new();
        for (place, pending) in order.into_iter().enumerate() {
            match draw(4) {
                0 => writeln!(script, "read {pending}").unwrap(),
                1 => writeln!(script, "wait-any {pending} text {}", draw(6)).unwrap(),
                2 => writeln!(script, "wait-any {pending} finished 1").unwrap(),
                _ => script += "remaining calls\n",
            }
            // What is let go on is waited for when all others have ended.
            let end = match (place / 100, draw(2)) {
                (1, _) => "finish",
                (_, 0) => "cancel",
                _ => "drop",
            };
            writeln!(script, "{end} {pending}").unwrap();
            kept.push((pending, end));
        }
        // A dropped message has no name; what is left is given back.
        let dropped = kept.iter().find(|(_, end)| *end == "drop").unwrap().0 + 2;
        writeln!(script, "text {dropped}").unwrap();
        let ids: Vec<String> =
            kept.iter().filter(|kept| kept.1 != "drop").map(|kept| (kept.0 + 2).to_string()).collect();
        writeln!(script, "text {}", ids.join(",")).unwrap();

        let (answers, report) = crowded.script(options(Mode::Choreo, 3), &script);
        let follow = &answers[2 + lanes..];
        let mut cancelled = 0;
        for ((pending, end), answer) in kept.iter().zip(follow.iter().skip(1).step_by(2)) {
            let whole = &expected[1 + pending];
            match *end {
                "finish" => assert_eq!(answer, whole),
                "cancel" => {
                    let (found, whole) = (answer["text"].as_str().unwrap(), whole["text"].as_str().unwrap());
                    assert!(whole.starts_with(found), "{found:?} of {whole:?}");
                    cancelled += usize::from(answer["finish"] == "cancelled");
                }
                _ => assert_eq!(answer["dropped"], true),
            }
        }
        assert!(cancelled > 10, "{cancelled} were cancelled while they went on");
        assert_eq!(answers[answers.len() - 2]["error"], "unknown-message");
        assert_eq!(answers[answers.len() - 1]["texts"].as_array().unwrap().len(), ids.len());
        let ended = report.messages.iter().filter(|message| message.finish == "cancelled").count();
        assert!(ended > cancelled, "dropped messages are cancelled ones: {ended} {cancelled}");
        assert!(
            report.generated < lanes as u64 * 70 * 9 / 10,
            "{} tokens: a lane that is ended stops",
            report.generated
        );
    }
    stop.store(true, Ordering::Relaxed);
    assert!(other.join().unwrap() > 2);
    let (answers, _) = crowded.script(options(Mode::Choreo, 1), "remaining cache-tokens\n");
    let beginning = usize::from(chat().beginning().is_some());
    assert_eq!(answers[0]["left"], slots - beginning, "all room is back");
}

/// Within one run: what dropped and released messages held is there again.
#[test]
fn room_returns_while_the_run_goes_on() {
    let rig = Rig::new(256, || {
        let chat = chat();
        (Witness::new(300, alphabet(&chat)), chat)
    });
    let mut script = "prefill user \"a\" -\nremaining cache-tokens\n".to_owned();
    for round in 0..20 {
        let (one, two) = (2 * round + 1, 2 * round + 2);
        writeln!(script, "batch\nstart assistant \"x\" 1 max 100\nstart assistant \"y\" 1 max 100\nend").unwrap();
        writeln!(script, "read {one}\ncancel {one}\nrelease {}\ndrop {two}\nremaining cache-tokens", one + 1).unwrap();
    }
    let (answers, _) = rig.script(options(Mode::Choreo, 1), &script);
    let left: Vec<&Value> = answers.iter().map(|answer| &answer["left"]).filter(|left| !left.is_null()).collect();
    assert_eq!(left.len(), 21);
    assert!(left.iter().all(|found| *found == left[0]), "{left:?}");
    assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
}

/// A message that was cancelled is a well-formed one: its child is what it
/// would be of a message with that text.
#[test]
fn a_cancelled_message_can_be_seen() {
    let rig = Speller::rig("a b c d e f g h ");
    let script = "prefill user \"b\" -\nstart assistant \"x\" 1 max 500\nread 1\ncancel 1\ncancel 1\ndescribe 2\ntext 2\n\
                  decode assistant \"y\" 1,2 max 3\n";
    let (answers, _) = rig.script(options(Mode::Choreo, 1), script);
    let text = answers[3]["text"].as_str().unwrap();
    assert_eq!(answers[3]["finish"], "cancelled");
    assert_eq!(answers[4], answers[3], "once more, the same");
    let chat = chat();
    use choreo_host::chat::{Part, Role};
    let tokens = chat.header(Role::Assistant, Part::Whole, "x").unwrap().len()
        + answers[3]["tokens"].as_u64().unwrap() as usize
        + chat.closing(Role::Assistant, Part::Whole).len();
    assert_eq!(answers[5]["messages"][0]["tokens"], tokens);
    assert_eq!(answers[6]["texts"][0], text);
    assert_eq!(answers[7]["finish"], "length");
}

#[test]
fn waiting_tells_which_and_when() {
    let rig = Speller::rig("a b c d e f g h ");
    let script = "prefill user \"b\" -\nbatch\nstart assistant \"\" 1 max 900\nstart assistant \"\" 1 max 2\nend\n\
                  wait-any 1,2 finished -\nwait-any 1,2,2 text -\nread-all 2\nwait-any 2,1,2 finished 0\n\
                  wait-any 1 finished 20\nwait-any - text 5\nread 1\nwait-any 1 text 2000\ncancel 1\nwait-any 2,1 finished -\n";
    let (answers, _) = rig.script(options(Mode::Choreo, 1), script);
    let ready = |index: usize| answers[index]["ready"].as_array().unwrap().iter().map(|index| index.as_u64().unwrap());
    assert!(ready(3).eq([1]), "the short one ends first: {answers:?}");
    assert!(ready(4).eq([0, 1, 2]), "ascending, and a message may be listed twice");
    assert!(ready(6).eq([0, 2]), "what has ended stays ready");
    assert!(ready(7).next().is_none(), "the time is over");
    assert_eq!(answers[8]["error"], "invalid-argument", "nothing to wait for");
    assert!(ready(10).eq([0]));
    assert!(ready(12).eq([0, 1]));
}

#[test]
fn more_pending_messages_than_a_plan_may_hold() {
    let rig = Speller::rig("a ");
    let list = |count: usize| format!("batch\n{}end\n", "start raw \"x\" - max 1\n".repeat(count));
    let script = format!("{}drop 1\n{}start raw \"x\" - max 1\n{}", list(1000), list(25), list(1025));
    let (answers, _) = rig.script(options(Mode::Choreo, 1), &script);
    let errors: Vec<&Value> = answers.iter().filter(|answer| !answer["error"].is_null()).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    for (error, asked) in errors.iter().zip(["1 messages to start beside 1024", "1025 messages to start beside 1024"]) {
        assert!(error["detail"].as_str().unwrap().contains(asked), "{error}");
    }
}
