//! Mode `prefix` against `naive`: the same bits, and no token encoded that the
//! longest common beginning with an earlier prompt would have saved.

use std::cell::Cell;
use std::sync::Arc;

use choreo_host::cache::TokenId;
use choreo_host::chat::{Chat, Part, Role};
use choreo_host::engine::report::RunReport;
use choreo_host::engine::{Mode, Pace, RunOptions, Script, Tenant, Tokens};
use choreo_tests::rig::{chat, options};
use proptest::prelude::*;
use serde_json::Value;

use crate::choreography::{cases, decoder};
use crate::graphs::{Call, Kind, Lists, choreography, lists, script};

/// Few words, so that prompts begin alike, and end inside one another.
fn alike(calls: usize) -> impl Strategy<Value = Vec<Call>> {
    choreography(calls).prop_map(|calls| {
        let calls = calls.into_iter().map(|call| {
            let kind = match call.kind {
                Kind::Prefill(text) => Kind::Prefill(if text.len() % 2 == 0 { "a b c".into() } else { "a b d".into() }),
                Kind::Decode { header, max } => {
                    Kind::Decode { header: if header.len() % 2 == 0 { String::new() } else { "a b".into() }, max }
                }
            };
            Call { kind, ..call }
        });
        calls.collect()
    })
}

/// Whatever earlier prompts left, wherever its edges lie, in however many rows a
/// pass, and with room for hardly more than the largest prompt.
#[test]
fn a_prefix_cache_changes_no_bit() {
    for (step_rows, slots) in [(256, 16_384), (5, 16_384), (37, 400)] {
        let rig = decoder(step_rows, slots);
        let mut runner = proptest::test_runner::TestRunner::new(cases(14));
        let result = runner.run(&(alike(12), 0u32..2), |(calls, temperature)| {
            let decoding = format!("temperature {temperature} top-logprobs 3");
            let script = script(&calls, Lists::Joined, &decoding);
            let (naive, _) = rig.script(options(Mode::Naive, 5), &script);
            let (prefix, _) = rig.script(options(Mode::Prefix, 5), &script);
            prop_assert_eq!(prefix, naive);
            Ok(())
        });
        result.unwrap();
    }
}

/// Tokens that a prefix cache must encode for these calls, from the answers and
/// by the definition: of each prompt, what follows the longest beginning that it
/// has in common with what was encoded before.
fn reckoned(calls: &[Call], answers: &[Value], report: &RunReport, chat: &Chat) -> u64 {
    let mut messages: Vec<Vec<TokenId>> = Vec::new();
    let mut encoded: Vec<Vec<TokenId>> = Vec::new();
    let mut cost = 0;
    for list in lists(calls) {
        let mut generated = Vec::new();
        for number in list {
            let call = &calls[number];
            let mut prompt: Vec<TokenId> =
                call.parents.iter().flat_map(|(parent, _)| messages[*parent].clone()).collect();
            let header = match &call.kind {
                Kind::Prefill(text) => {
                    messages.push(chat.render(Role::User, Part::Whole, text).unwrap());
                    continue;
                }
                Kind::Decode { header, .. } => chat.header(Role::Assistant, Part::Whole, header).unwrap(),
            };
            prompt.extend_from_slice(&header);
            let common = |other: &Vec<TokenId>| prompt.iter().zip(other).take_while(|(own, its)| own == its).count();
            let found = encoded.iter().map(common).max().unwrap_or(0).min(prompt.len() - 1);
            let tokens: Vec<TokenId> = (answers[number]["logprobs"].as_array().unwrap().iter())
                .map(|token| TokenId(u32::try_from(token["token"].as_u64().unwrap()).unwrap()))
                .collect();
            cost += (prompt.len() - found + tokens.len() - 1) as u64;
            encoded.push(prompt[..prompt.len() - 1].to_vec());
            // A lane's last prompt token and what it says, others see when it has ended.
            generated.push([&prompt[..], &tokens[..tokens.len() - 1]].concat());
            let said = tokens.iter().copied().filter(|token| !chat.is_end(*token));
            let closing = chat.closing(Role::Assistant, Part::Whole);
            // A text that was cut inside a character has lost its last tokens.
            let kept = report.messages[number].tokens as usize - closing.len();
            messages.push(header.into_iter().chain(said).take(kept).chain(closing).collect());
        }
        encoded.append(&mut generated);
    }
    cost
}

#[test]
fn a_prefix_cache_encodes_what_no_earlier_prompt_begins_with() {
    let chat = chat();
    let (saved, all) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(cases(24));
    let rig = decoder(64, 16_384);
    let result = runner.run(&alike(14), |calls| {
        let script = script(&calls, Lists::Joined, "top-logprobs 1");
        rig.forget();
        let (answers, report) = rig.script(options(Mode::Prefix, 5), &script);
        prop_assert_eq!(report.encoded, reckoned(&calls, &answers, &report, &chat));
        let (_, naive) = rig.script(options(Mode::Naive, 5), &script);
        prop_assert_eq!(report.encoded + report.reused, naive.encoded, "what is not encoded is reused");
        all.set(all.get() + naive.encoded);
        saved.set(saved.get() + report.reused);
        Ok(())
    });
    result.unwrap();
    println!("prefix: {} tokens, {} of them reused", all.get(), saved.get());
    assert!(saved.get() * 10 > all.get(), "{} of {}", saved.get(), all.get());
}

/// A system's text and eight lanes that see it and say the same header.
const VOTERS: &str = "prefill system \"Choose the best of all these words and say why: one, two, three, four, five.\" -\n\
    batch\n\
    decode assistant \"Best: \" 1 max 1 temperature 1\n\
    decode assistant \"Best: \" 1 max 1 temperature 1\n\
    decode assistant \"Best: \" 1 max 1 temperature 1\n\
    decode assistant \"Best: \" 1 max 1 temperature 1\n\
    end\n";

#[test]
fn lanes_with_one_prompt_encode_it_once() {
    let rig = decoder(256, 16_384);
    let (_, report) = rig.script(options(Mode::Prefix, 1), VOTERS);
    let (_, naive) = rig.script(options(Mode::Naive, 1), VOTERS);
    let prompt = naive.encoded / 4;
    assert_eq!(naive.encoded, 4 * prompt);
    assert_eq!((report.encoded, report.reused), (prompt + 3, 3 * (prompt - 1)), "each lane its own last token");
    let would: Vec<_> = report.messages.iter().map(|message| message.would_encode).collect();
    assert_eq!(would.iter().map(|cost| cost.naive).sum::<u64>(), naive.encoded + 4 * 2, "a token and an end each");
    assert_eq!(would[1].prefix, would[1].naive);
    assert_eq!(would[2].prefix, would[2].choreo, "the prompt's parents are there");
}

#[test]
fn prompts_are_shared_across_runs_and_not_tenants() {
    let rig = decoder(256, 16_384);
    let run = |tenant| rig.script(RunOptions { tenant: Tenant(tenant), ..options(Mode::Prefix, 1) }, VOTERS).1.encoded;
    let (first, second, stranger) = (run(1), run(1), run(2));
    assert_eq!((second, stranger), (4, first), "each lane its own last token");
    rig.forget();
    assert_eq!(run(1), first);
}

const SCORES: &str = "prefill user \"one two three\" -\n\
    decode assistant \"so\" 1 max 6 top-logprobs 1\n\
    score assistant \"so\" 1,2 candidate \" a\" candidate \" b c\" candidate \" one two\"\n\
    score assistant \"so\" 1 candidate \" a\" candidate \" b\"\n";

#[test]
fn candidates_score_as_they_do_anew() {
    let rig = decoder(7, 16_384);
    let run = |mode| rig.script(options(mode, 1), SCORES);
    let ((naive, all), (prefix, report)) = (run(Mode::Naive), run(Mode::Prefix));
    let scores = |answers: &[Value]| -> Vec<f64> {
        let lists = answers[2..].iter().flat_map(|answer| answer["scored"].as_array().unwrap());
        lists.map(|score| f64::from_bits(score[0].as_u64().unwrap())).collect()
    };
    let (naive, prefix) = (scores(&naive), scores(&prefix));
    assert_eq!(naive.len(), 5);
    for (one, other) in naive.iter().zip(&prefix) {
        assert_eq!(one.to_bits(), other.to_bits(), "{naive:?} {prefix:?}");
    }
    assert!(report.encoded < all.encoded, "{} {}", report.encoded, all.encoded);
}

fn texts(answers: &[Value]) -> Vec<&str> {
    answers.iter().filter_map(|answer| answer["text"].as_str()).collect()
}

/// A run says what another one of another mode has said, at either pace.
#[test]
fn a_script_makes_a_run_say_what_another_said() {
    let rig = decoder(256, 16_384);
    let mut runner = proptest::test_runner::TestRunner::new(cases(12));
    let result = runner.run(&choreography(10), |calls| {
        let plan = script(&calls, Lists::Joined, "temperature 1");
        let (said, first, kept) = rig.scripted(RunOptions { tokens: Tokens::Kept, ..options(Mode::Choreo, 3) }, &plan);
        for (mode, pace) in [(Mode::Prefix, Pace::OneByOne), (Mode::Naive, Pace::AtOnce), (Mode::Choreo, Pace::AtOnce)]
        {
            let tokens = Tokens::Forced(Arc::new(Script { pace, ..kept.clone() }));
            // Another seed: it would say something else.
            let (again, report) = rig.script(RunOptions { tokens, ..options(mode, 4) }, &plan);
            prop_assert_eq!(texts(&again), texts(&said));
            prop_assert_eq!(report.generated, first.generated);
            let ends = |report: &RunReport| -> Vec<String> {
                report.messages.iter().map(|message| message.finish.clone()).collect()
            };
            prop_assert_eq!(ends(&report), ends(&first));
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn a_plan_that_leaves_its_script_is_told() {
    let rig = decoder(256, 16_384);
    let short = "prefill user \"one\" -\ndecode assistant \"so\" 1 max 3\n";
    let kept = rig.scripted(RunOptions { tokens: Tokens::Kept, ..options(Mode::Choreo, 3) }, short).2;
    let tokens = Tokens::Forced(Arc::new(kept));
    let long = format!("{short}decode assistant \"so\" 1,2 max 3\n");
    let (answers, _) = rig.script(RunOptions { tokens, ..options(Mode::Prefix, 3) }, &long);
    assert_eq!(answers[2]["error"], "engine");
    assert!(answers[2]["detail"].as_str().unwrap().contains("message 3 is not in the run's script"), "{}", answers[2]);
}

/// Prompts each a token longer than the one before: every edge of the tree has one
/// token, and many candidates go on from the last.
#[test]
fn a_long_way_of_short_edges_is_one_text() {
    let rig = decoder(64, 16_384);
    let mut script = String::from("batch\n");
    for words in 1..=160 {
        script += &format!("decode assistant \"{}\" - max 1 top-logprobs 2\n", ["a"; 160][..words].join(" "));
    }
    script += "end\n";
    let candidates: String = (0..200).map(|word| format!(" candidate \" b{word} c\"")).collect();
    script += &format!("score assistant \"{}\" -{candidates}\n", ["a"; 160].join(" "));
    let (naive, all) = rig.script(options(Mode::Naive, 1), &script);
    let (prefix, report) = rig.script(options(Mode::Prefix, 1), &script);
    assert_eq!(prefix, naive);
    assert!(report.encoded * 3 < all.encoded, "{} {}", report.encoded, all.encoded);
    rig.forget();
    assert_eq!(rig.script(options(Mode::Prefix, 1), &script).1.encoded, report.encoded, "nothing was left");
}

/// Where the cache is short, the last tokens of what nobody uses go first.
#[test]
fn a_prompt_yields_from_its_end() {
    let rig = decoder(256, 220);
    let decode = |text: &str| format!("decode assistant \"{text}\" - max 1\n");
    let long = (0..60).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let other = (0..50).map(|number| format!("v{number}")).collect::<Vec<_>>().join(" ");
    let encoded = |text: &str| {
        let report = rig.script(options(Mode::Prefix, 1), &decode(text)).1;
        report.encoded + report.encoded_again
    };
    let (first, second) = (encoded(&long), encoded(&other));
    assert!(first < 220 && second < 220 && first + second > 220, "{first} {second}");
    let again = encoded(&long);
    assert!(again <= first + second - 220 + 4, "{again} of {first} again");
}
