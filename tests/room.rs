//! A cache smaller than what is in it, behind the engine: nothing shows in the
//! answers, and the report tells what it cost.

use std::cell::Cell;
use std::fmt::Write;

use choreo_host::cache::TokenId;
use choreo_host::chat::Part;
use choreo_host::engine::call::Role;
use choreo_host::engine::report::RunReport;
use choreo_host::engine::{Mode, RunOptions, Tenant};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Source};
use choreo_tests::rig::{Rig, chat, options};
use proptest::prelude::*;
use serde_json::Value;

use crate::choreography::{cases, decoder};
use crate::graphs::{Call, Kind, Lists, choreography, expected, script};
use crate::witness::{Witness, alphabet, mix};

fn witness(step_rows: u32, slots: usize) -> Rig {
    Rig::new(step_rows, move || {
        let chat = chat();
        (Witness::new(slots, alphabet(&chat)), chat)
    })
}

fn embedded(slots: usize) -> Rig {
    caching(CacheType::F32, slots)
}

fn caching(cache_type: CacheType, slots: usize) -> Rig {
    Rig::new(256, move || {
        let cache_size = CacheSize::Tokens(slots);
        let options = LoadOptions { cache_size, cache_type, threads: 2 };
        (Decoder::load(&Source::Embedded, options).unwrap(), chat())
    })
}

/// Tokens of each call's message at most, those of what it sees, what is listed
/// twice counted twice, and the beginning of sequence.
fn largest_need(calls: &[Call]) -> usize {
    let chat = chat();
    let mut lengths: Vec<usize> = Vec::new();
    let mut largest = 0;
    for call in calls {
        let own = match &call.kind {
            Kind::Prefill(text) => chat.render(Role::User, Part::Whole, text).unwrap().len(),
            Kind::Decode { header, max } => {
                let around = chat.closing(Role::Assistant, Part::Whole).len();
                chat.header(Role::Assistant, Part::Whole, header).unwrap().len() + *max as usize + around
            }
        };
        lengths.push(own);
        let seen: usize = call.parents.iter().map(|(parent, _)| lengths[*parent]).sum();
        largest = largest.max(1 + own + seen);
    }
    largest
}

/// In a cache in which each call alone just has room, every text is what the
/// contract's words make of it. Where what a message sees cannot be encoded
/// again for want of room, the call says so, and no text is wrong.
#[test]
fn merkle_witness_in_the_smallest_cache() {
    let (again, texts, missing) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(cases(120));
    let result = runner.run(&(choreography(24), 0usize..8), |(calls, spare)| {
        let rig = witness(7, largest_need(&calls) + spare);
        let right = expected(&calls, &chat(), &alphabet(&chat()));
        let (answers, report) = rig.script(options(Mode::Choreo, 1), &script(&calls, Lists::Single, ""));
        let decodes = calls.iter().zip(&answers).filter(|(call, _)| matches!(call.kind, Kind::Decode { .. }));
        for ((_, answer), right) in decodes.zip(right) {
            if answer["error"] == "cache-full" {
                // Later numbers are others.
                missing.set(missing.get() + 1);
                break;
            }
            prop_assert_eq!(answer["text"].as_str(), Some(right.as_str()), "{}", answer);
            texts.set(texts.get() + 1);
        }
        again.set(again.get() + report.encoded_again);
        Ok(())
    });
    result.unwrap();
    let (again, texts, missing) = (again.get(), texts.get(), missing.get());
    println!(
        "smallest cache: {texts} texts, {again} tokens encoded again, {missing} of 120 runs found no room for one"
    );
    assert!(again > 100 && missing < 12);
}

/// Documents of some 80 tokens, and answers that each see three of them, any
/// ones: more and more of them, as the pieces of a seed fall.
fn documents(count: usize, questions: usize) -> String {
    let mut script = String::new();
    let mut random = 5;
    let mut draw = |below: u64| {
        random = mix(random);
        (random >> 20) % below
    };
    for document in 0..count {
        let facts: String = (0..8).map(|_| format!("Shelf {} holds {} books. ", draw(90), draw(90))).collect();
        writeln!(script, "prefill user \"Library {document}. {facts}\" -").unwrap();
    }
    for _ in 0..questions {
        let parents: Vec<String> = (0..3).map(|_| (draw(count as u64) + 1).to_string()).collect();
        writeln!(script, "decode assistant \"The answer is\" {} max 12 top-logprobs 5", parents.join(",")).unwrap();
    }
    script
}

fn tokens(report: &RunReport) -> u64 {
    report.messages.iter().map(|message| u64::from(message.tokens)).sum()
}

/// Every text, token and log-probability, bit for bit.
#[test]
fn a_cache_exceeded_twice_over_changes_no_bit() {
    let script = documents(24, 40);
    for cache_type in [CacheType::F32, CacheType::Q8] {
        let (answers, ample) = caching(cache_type, 16_384).script(options(Mode::Choreo, 1), &script);
        assert_eq!(ample.encoded_again, 0);
        assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
        let total = tokens(&ample);
        for (times, slots) in [(2, total / 2), (5, total / 5)] {
            let (found, report) = caching(cache_type, slots as usize).script(options(Mode::Choreo, 1), &script);
            assert_eq!(found, answers, "with {slots} slots of {cache_type}");
            assert!(report.encoded_again > 0 && report.encoded <= total, "the run pays for each token once");
            let yielded: u32 = report.messages.iter().map(|message| message.yielded).sum();
            let again: u64 = report.messages.iter().map(|message| u64::from(message.encoded_again)).sum();
            assert_eq!(again, report.encoded_again);
            println!(
                "{cache_type}: messages of {total} tokens in a cache of {slots} ({times} times over): {} tokens encoded again, {yielded} times a message yielded; the same bits",
                report.encoded_again
            );
        }
    }
}

/// Lanes that cannot all go on at once are set aside and resumed.
#[test]
fn lanes_set_aside_end_as_they_would_alone() {
    let mut script = "prefill user \"Tell me about books.\" -\nbatch\n".to_owned();
    for lane in 0..12 {
        writeln!(script, "decode assistant \"Book {lane}\" 1 max 150 temperature 1 top-logprobs 2").unwrap();
    }
    script += "end\n";
    let (answers, ample) = decoder(256, 4096).script(options(Mode::Choreo, 3), &script);
    let (found, report) = decoder(256, 400).script(options(Mode::Choreo, 3), &script);
    assert_eq!(found, answers);
    let again = report.messages[1..].iter().filter(|message| message.encoded_again > 0).count();
    println!(
        "12 lanes of {} tokens in 400 slots: {again} were set aside and resumed, {} tokens encoded again",
        ample.generated, report.encoded_again
    );
    assert!(again > 3);
    assert_eq!(report.generated, ample.generated);
}

/// Texts, log-probabilities and the report, less its times.
fn told(rig: &Rig, options: RunOptions, script: &str) -> (Vec<Value>, RunReport) {
    let (answers, report) = rig.script(options, script);
    assert!(answers.iter().all(|answer| answer["error"].is_null()), "{answers:?}");
    (answers, report)
}

#[test]
fn two_runs_that_share_a_document_encode_it_once() {
    let script = documents(3, 6);
    let rig = embedded(4096);
    let (first, one) = told(&rig, options(Mode::Choreo, 1), &script);
    let (second, two) = told(&rig, options(Mode::Choreo, 1), &script);
    assert_eq!(first, second);
    let documents: u32 = two.messages[..3].iter().map(|message| message.tokens).sum();
    assert_eq!(one.shared, 0);
    assert_eq!(two.shared, u64::from(documents), "the answers are decoded anew");
    assert!(two.messages[..3].iter().all(|message| message.encoded == 0 && message.shared == message.tokens));
    println!(
        "two runs over {documents} tokens of documents: the first encodes {} tokens, the second {}",
        one.encoded, two.encoded
    );
    let encoded = |report: &RunReport| report.messages[..3].iter().map(|message| message.encoded).sum::<u32>();
    assert_eq!(encoded(&one), documents);

    let stranger = RunOptions { tenant: Tenant(7), ..options(Mode::Choreo, 1) };
    let (third, other) = told(&rig, stranger, &script);
    assert_eq!((third, other.shared, encoded(&other)), (first, 0, documents), "another tenant's are its own");
}

/// A second run whose own messages want all the room puts out the first one's,
/// which come back when it goes on.
#[test]
fn runs_put_out_each_others_messages_and_neither_notices() {
    let ample = embedded(16_384);
    let small = embedded(900);
    let scripts = [documents(8, 20), documents(9, 20)];
    let expected = scripts.each_ref().map(|script| told(&ample, options(Mode::Choreo, 2), script).0);
    std::thread::scope(|scope| {
        let runs = [0, 1, 0].map(|which| {
            let (rig, script) = (small.clone(), &scripts[which]);
            (which, scope.spawn(move || told(&rig, options(Mode::Choreo, 2), script)))
        });
        let mut again = 0;
        for (which, run) in runs {
            let (answers, report) = run.join().unwrap();
            assert_eq!(answers, expected[which]);
            again += report.encoded_again;
        }
        assert!(again > 0);
    });
    let (answers, _) = small.script(options(Mode::Choreo, 1), "remaining cache-tokens\n");
    assert_eq!(answers[0]["left"], 900 - usize::from(chat().beginning().is_some()), "all room is back");
}

/// Two messages that both stand on much and cannot come back together: what sees
/// both ends with the numbers, and takes nothing of others with it.
#[test]
fn what_finds_no_room_ends_alone() {
    let rendered = |text: &str| chat().render(Role::User, Part::Whole, text).unwrap().len();
    let rig = witness(64, rendered(&"a ".repeat(300)) + rendered(&"a ".repeat(150)) + 40);
    let mut script = String::new();
    for (word, number) in [("a ", 1), ("b ", 3)] {
        let (large, small) = (word.repeat(300), word.repeat(150));
        writeln!(script, "prefill user \"{large}\" -\nprefill user \"{small}\" {number}").unwrap();
    }
    script += "decode assistant \"x\" 2,4 max 4\n";
    // Of the list one call finds no room, when others of it wait their turn.
    let candidates = "candidate \"a b c d e f g\" ".repeat(40);
    writeln!(script, "batch\nscore assistant \"so\" 2,4 {candidates}\nscore assistant \"so\" - {candidates}\nend")
        .unwrap();
    script += "decode assistant \"y\" 2 max 4\ndecode assistant \"y\" 4 max 4\nremaining cache-tokens\n";
    let (answers, _) = rig.script(options(Mode::Choreo, 1), &script);
    let errors: Vec<&str> = answers.iter().filter_map(|answer| answer["error"].as_str()).collect();
    assert_eq!(errors, ["cache-full", "cache-full"], "{answers:?}");
    let texts = answers.iter().filter(|answer| !answer["text"].is_null()).count();
    assert_eq!(texts, 2, "{answers:?}");
}

/// What a message was made of stays paid for as long as another may need it.
#[test]
fn the_tokens_of_a_released_parent_are_paid_for_while_its_child_is_there() {
    let text = "a".repeat(4000);
    let script = |release: &str| {
        format!("prefill user \"{text}\" -\nprefill user \"b\" 1\nrelease {release}\nprefill user \"{text}\" -\n")
    };
    let mut paid = options(Mode::Choreo, 1);
    let tokens = chat().render(Role::User, Part::Whole, &text).unwrap().len() * size_of::<TokenId>();
    paid.budgets.text_bytes = (text.len() + tokens) as u64 + 3000;
    let rig = witness(256, 20_000);
    let answers = rig.script(paid.clone(), &script("1")).0;
    assert_eq!(answers[3]["error"], "budget", "{answers:?}");
    let answers = rig.script(paid, &script("1,2")).0;
    assert!(answers[3]["error"].is_null(), "{answers:?}");
}
