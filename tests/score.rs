//! Log-probabilities of given continuations, against what decoding reports.

use std::cell::Cell;
use std::fmt::Write;

use choreo_host::cache::TokenId;
use choreo_host::chat::{Chat, Part, Role};
use choreo_host::engine::Mode;
use choreo_tests::rig::{Rig, chat, options};
use proptest::prelude::*;
use serde_json::Value;

use crate::choreography::{cases, decoder};
use crate::graphs::{Lists, choreography, script};
use crate::witness::{Witness, alphabet};

fn scored(answer: &Value) -> Vec<(f64, u64)> {
    let candidates = answer["scored"].as_array().unwrap_or_else(|| panic!("{answer}"));
    candidates.iter().map(|one| (f64::from_bits(one[0].as_u64().unwrap()), one[1].as_u64().unwrap())).collect()
}

fn logprob(token: &Value) -> f64 {
    f64::from(f32::from_bits(u32::try_from(token.as_u64().unwrap()).unwrap()))
}

/// The alternatives of a decode's first token that are spelled by themselves:
/// text and log-probability.
fn alternatives(chat: &Chat, answer: &Value) -> Vec<(String, f64)> {
    let top = answer["logprobs"][0]["top"].as_array().unwrap();
    let alternatives = top.iter().filter_map(|pair| {
        let token = TokenId(u32::try_from(pair[0].as_u64().unwrap()).unwrap());
        let text = String::from_utf8(chat.token_bytes(token).to_vec()).ok()?;
        (!text.is_empty() && chat.encode_text(&text) == [token]).then_some((text, logprob(&pair[1])))
    });
    alternatives.collect()
}

/// After any choreography, a candidate of one token has the log-probability
/// that a decode in the same place reports for it, in both modes.
#[test]
fn a_token_scores_what_a_decode_reports() {
    let rig = decoder(64, 16_384);
    let chat = chat();
    let (compared, largest) = (Cell::new(0), Cell::new(0f64));
    let mut runner = proptest::test_runner::TestRunner::new(cases(16));
    let result = runner.run(&(choreography(8), 0u32..300), |(calls, offset)| {
        let messages: Vec<String> = (1..=calls.len()).rev().map(|id| id.to_string()).collect();
        let view = format!("{}@{offset}", messages.join(","));
        for mode in [Mode::Choreo, Mode::Naive] {
            let head = script(&calls, Lists::Joined, "");
            let decode = format!("{head}decode assistant \"so\" {view} max 1 top-logprobs 20\n");
            let expected = alternatives(&chat, rig.script(options(mode, 1), &decode).0.last().unwrap());
            if expected.is_empty() {
                continue;
            }
            let mut score = format!("{head}remaining cache-tokens\nscore assistant \"so\" {view}");
            for (text, _) in &expected {
                write!(score, " candidate {}", serde_json::to_string(text).unwrap()).unwrap();
            }
            score += "\nremaining cache-tokens\nprefill user \"a\" -\n";
            let (answers, _) = rig.script(options(mode, 1), &score);
            let answers = &answers[answers.len() - 4..];
            prop_assert_eq!(&answers[0], &answers[2], "all room is back");
            prop_assert_eq!(answers[3]["id"].as_u64(), Some(calls.len() as u64 + 1), "no number is used");
            for ((found, tokens), (_, expected)) in scored(&answers[1]).into_iter().zip(&expected) {
                prop_assert_eq!(tokens, 1);
                compared.set(compared.get() + 1);
                largest.set(largest.get().max((found - expected).abs()));
            }
        }
        Ok(())
    });
    result.unwrap();
    let (compared, largest) = (compared.get(), largest.get());
    println!("{compared} tokens scored against decodes: largest |Δ log-probability| {largest:e}");
    assert!(compared > 50 && largest <= 1e-5);
}

/// What the embedded model writes scores the sum of what its decode reported,
/// with and without the end.
#[test]
fn an_answer_scores_the_sum_of_its_tokens() {
    let rig = Rig::embedded();
    let chat = chat();
    let mut compared = 0;
    for question in ["What pet does Halan have?", "Where does Halan live?", "Tell me a story."] {
        for header in ["", "The"] {
            let decode =
                format!("prefill user \"{question}\" -\ndecode assistant \"{header}\" 1 max 40 top-logprobs 1\n");
            let answer = rig.script(options(Mode::Choreo, 1), &decode).0.remove(1);
            let text = &answer["text"].as_str().unwrap()[header.len()..];
            let tokens = answer["logprobs"].as_array().unwrap();
            let ended = answer["finish"] == "end";
            let written: Vec<u64> = tokens.iter().map(|token| token["token"].as_u64().unwrap()).collect();
            let spelled: Vec<u64> = chat.encode_text(text).iter().map(|token| u64::from(token.0)).collect();
            let body = written.len() - usize::from(ended);
            if written[..body] != spelled {
                continue;
            }
            let sum: f64 = tokens[..body].iter().map(|token| logprob(&token["bits"])).sum();
            let quoted = serde_json::to_string(text).unwrap();
            let score = |end: &str| {
                format!(
                    "prefill user \"{question}\" -\nscore assistant \"{header}\" 1 candidate \"x\" candidate {quoted} {end}\n"
                )
            };
            let found = scored(&rig.script(options(Mode::Choreo, 1), &score("")).0[1])[1];
            assert_eq!(found.1, body as u64);
            assert!((found.0 - sum).abs() <= 1e-5, "{} {sum}", found.0);
            compared += 1;
            // Another token may end a message too, than the one that ends those encoded.
            let end = chat.closing(Role::Assistant, Part::Whole)[0];
            if ended && written[body] == u64::from(end.0) {
                let sum = sum + logprob(&tokens[body]["bits"]);
                let found = scored(&rig.script(options(Mode::Choreo, 1), &score("with-end")).0[1])[1];
                assert_eq!(found.1, written.len() as u64);
                assert!((found.0 - sum).abs() <= 1e-5, "{} {sum}", found.0);
                compared += 1;
            }
        }
    }
    assert!(compared >= 4, "{compared}");
}

/// Candidates together, in pieces, beside others: bit for bit as alone.
#[test]
fn candidates_do_not_change_one_another() {
    let words = ["a", "the cat", "one two three four five six seven eight", "b c", "the cat"];
    let head = "prefill user \"a b c d e f\" -\nprefill user \"g h\" 1@7\n";
    let candidates =
        |words: &[&str]| words.iter().fold(String::new(), |all, word| all + &format!(" candidate \"{word}\""));
    let score = |words: &[&str]| format!("score assistant \"so it is\" 2,1@30{} with-end\n", candidates(words));
    let (whole, pieces) = (decoder(256, 16_384), decoder(3, 16_384));
    for mode in [Mode::Choreo, Mode::Naive] {
        let alone: Vec<(f64, u64)> = (words.iter())
            .flat_map(|word| scored(&whole.script(options(mode, 1), &format!("{head}{}", score(&[word]))).0[2]))
            .collect();
        assert!(alone.iter().all(|(logprob, _)| *logprob < 0.0) && alone[1] == alone[4]);
        let batch = format!("{head}batch\n{}{}{}end\n", score(&words), score(&[]), score(&words[..2]));
        for rig in [&whole, &pieces] {
            let (answers, report) = rig.script(options(mode, 1), &batch);
            assert_eq!(scored(&answers[2]), alone);
            assert_eq!(scored(&answers[3]), []);
            assert_eq!(scored(&answers[4]), alone[..2]);
            assert_eq!((report.calls, report.messages.len()), (5, 2));
        }
    }
}

#[test]
fn what_cannot_be_scored_says_why() {
    let rig = Rig::new(256, || {
        let chat = chat();
        (Witness::new(300, alphabet(&chat)), chat)
    });
    let long = "a b c d e f g h ".repeat(60);
    for (line, error, named) in [
        ("score assistant \"\" 1 candidate \"\"", "invalid-argument", "candidate 0 is empty"),
        ("score raw \"\" 1 candidate \"a\"", "invalid-argument", "the header is empty"),
        ("score raw \"a\" 1 candidate \"a\" with-end", "invalid-argument", "the role has no end of message"),
        ("score assistant \"\" 9 candidate \"a\"", "unknown-message", "message 9"),
        ("score assistant \"\" 1 candidate \"a\" at 5000", "context-overflow", "5000"),
        (
            "score assistant \"\" 1 candidate \"a b c d e f g h i j k l m n\" at 4080",
            "context-overflow",
            "a candidate of",
        ),
        (&format!("score assistant \"\" 1 candidate \"{long}\""), "cache-full", "needs room for"),
    ] {
        let script = format!("prefill user \"a\" -\nremaining cache-tokens\n{line}\nremaining cache-tokens\n");
        let (answers, _) = rig.script(options(Mode::Choreo, 1), &script);
        assert_eq!(answers[2]["error"], error, "{line}: {}", answers[2]);
        let detail = answers[2]["detail"].as_str().unwrap();
        assert!(detail.contains(named) && !detail.contains('\n'), "{line}: {detail}");
        assert_eq!(answers[1], answers[3], "{line}: all room is back");
    }
    let mut few = options(Mode::Choreo, 1);
    few.budgets.calls = 2;
    let (answers, _) = rig.script(few, "score assistant \"\" - candidate \"a\"\nscore assistant \"\" - candidate \"a\"\nscore assistant \"\" - candidate \"a\"\n");
    assert_eq!((scored(&answers[0]), &answers[2]["error"]), (scored(&answers[1]), &Value::from("budget")));
}
