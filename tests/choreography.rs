//! What a choreography means, end to end: the guest's script goes through a
//! real component, the engine, the cache and a model.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use choreo_host::engine::Mode;
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Source};
use choreo_tests::rig::{Rig, chat, options};
use proptest::prelude::*;
use serde_json::Value;

use crate::graphs::{Call, Kind, Lists, choreography, expected, script};

use crate::tiny::tiny_model;
use crate::witness::{Witness, alphabet};

/// Runs the calls under a witness and compares every decoded text with what
/// the contract's words make of it.
pub(crate) fn merkle_witness(rig: &Rig, calls: &[Call]) -> Result<(), String> {
    let chat = chat();
    let expected = expected(calls, &chat, &alphabet(&chat));
    let (answers, _) = rig.script(options(Mode::Choreo, 1), &script(calls, Lists::Joined, ""));
    let texts: Vec<&str> = answers.iter().filter_map(|answer| answer["text"].as_str()).collect();
    if texts == expected { Ok(()) } else { Err(format!("{expected:?} expected, {texts:?} found in {answers:?}")) }
}

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn merkle_witness_through_a_component() {
    // Few rows a step, so that messages are encoded in pieces and chains break.
    for step_rows in [5, 256] {
        let rig = Rig::new(step_rows, || {
            let chat = chat();
            (Witness::new(8192, alphabet(&chat)), chat)
        });
        let mut runner = proptest::test_runner::TestRunner::new(cases(60));
        let result = runner.run(&choreography(14), |calls| merkle_witness(&rig, &calls).map_err(TestCaseError::fail));
        result.unwrap();
    }
}

/// A real decoder with random weights and the embedded tokenizer.
pub(crate) fn decoder(step_rows: u32, slots: usize) -> Rig {
    caching(CacheType::F32, step_rows, slots)
}

/// The same, its keys and values cached in other numbers.
pub(crate) fn caching(cache_type: CacheType, step_rows: u32, slots: usize) -> Rig {
    Rig::new(step_rows, move || {
        let directory = tiny_model(7);
        let source = Source::Directory(directory.path().to_owned());
        let options = LoadOptions { cache_size: CacheSize::Tokens(slots), cache_type, threads: 2 };
        let decoder = Decoder::load(&source, options).unwrap();
        (decoder, chat())
    })
}

/// A list of n calls gives, bit for bit, the texts and log-probabilities of n
/// lists of one, at any temperature, also while other runs go on.
#[test]
fn a_list_equals_single_calls_bit_for_bit() {
    for cache_type in CacheType::ALL {
        check_lists(cache_type);
    }
}

fn check_lists(cache_type: CacheType) {
    let (alone, crowded) = (caching(cache_type, 256, 16_384), caching(cache_type, 37, 16_384));
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..2)
        .map(|other| {
            let (rig, stop) = (crowded.clone(), stop.clone());
            std::thread::spawn(move || {
                let noise = "prefill user \"a b c d e f g h\" -\nbatch\ndecode assistant \"x\" 1 max 40 temperature 1\ndecode assistant \"y\" - max 30 temperature 1\nend\n";
                let mut runs = 0;
                while !stop.load(Ordering::Relaxed) {
                    rig.script(options(Mode::Choreo, other), noise);
                    runs += 1;
                }
                runs
            })
        })
        .collect();
    let mut runner = proptest::test_runner::TestRunner::new(cases(12));
    let result = runner.run(&(choreography(10), 0u32..3), |(calls, temperature)| {
        let decoding = format!("temperature {} top-logprobs 3", f64::from(temperature) * 0.7);
        let run = |rig: &Rig, lists| rig.script(options(Mode::Choreo, 5), &script(&calls, lists, &decoding)).0;
        let singles = run(&alone, Lists::Single);
        prop_assert_eq!(&run(&alone, Lists::Joined), &singles);
        prop_assert_eq!(&run(&crowded, Lists::Joined), &singles);
        Ok(())
    });
    stop.store(true, Ordering::Relaxed);
    let runs: u32 = others.into_iter().map(|other| other.join().unwrap()).sum();
    assert!(runs > 4, "the other runs did run");
    result.map_err(|error| format!("{cache_type}: {error}")).unwrap();
}

/// Where every call sees all that came before, in order and in place, encoding
/// once, a prefix cache and encoding anew are the same.
#[test]
fn append_only_choreography_equals_naive() {
    let rig = decoder(256, 16_384);
    let largest = Cell::new(0f32);
    let mut runner = proptest::test_runner::TestRunner::new(cases(16));
    let result = runner.run(&choreography(8), |calls| {
        let calls: Vec<Call> = (calls.into_iter().enumerate())
            .map(|(number, call)| Call {
                parents: (0..number).map(|parent| (parent, None)).collect(),
                at: None,
                joins: false,
                ..call
            })
            .collect();
        let script = script(&calls, Lists::Single, "top-logprobs 5");
        let (choreo, report) = rig.script(options(Mode::Choreo, 1), &script);
        let (naive, baseline) = rig.script(options(Mode::Naive, 1), &script);
        for (choreo, naive) in choreo.iter().zip(&naive) {
            prop_assert_eq!(&choreo["text"], &naive["text"]);
            for (one, other) in logprobs(choreo).zip(logprobs(naive)) {
                largest.set(largest.get().max((one - other).abs()));
            }
        }
        let (prefix, cached) = rig.script(options(Mode::Prefix, 1), &script);
        prop_assert_eq!(prefix, naive);
        let decodes = calls.iter().filter(|call| matches!(call.kind, Kind::Decode { .. })).count();
        if decodes > 1 {
            let counts = [report, cached, baseline].map(|report| report.encoded);
            prop_assert!(counts[2] > counts[0] && counts[2] > counts[1], "{:?}", counts);
        }
        Ok(())
    });
    result.unwrap();
    println!("append-only choreo against naive: largest |Δ log-probability| {:e}", largest.get());
    assert!(largest.get() <= 1e-4);
}

/// Tokens of an answer, with the likeliest one of each step.
fn chosen(answer: &Value) -> Vec<(u64, u64)> {
    let tokens = answer["logprobs"].as_array().unwrap();
    tokens.iter().map(|token| (token["token"].as_u64().unwrap(), token["top"][0][0].as_u64().unwrap())).collect()
}

#[test]
fn a_penalty_is_about_the_parents_and_the_message_itself() {
    let rig = decoder(256, 16_384);
    let script = |header: &str, options: &str| {
        format!(
            "prefill user \"one two three\" -\nprefill user \"unseen\" -\ndecode assistant \"{header}\" 1 max 40 top-logprobs 1 {options}\n"
        )
    };
    let said =
        |header: &str, mode, options_of: &str| rig.script(options(mode, 1), &script(header, options_of)).0.remove(2);
    let repeats = |tokens: &[(u64, u64)]| {
        let distinct: std::collections::BTreeSet<u64> = tokens.iter().map(|(token, _)| *token).collect();
        tokens.len() - distinct.len()
    };
    // Greedy decoding repeats itself, after one word or another.
    let headers = ["so", "a", "b", "c", "d", "then", "now", "one", "it", "e", "f", "g"];
    let header = headers.into_iter().find(|header| repeats(&chosen(&said(header, Mode::Choreo, ""))) > 1).unwrap();
    let decode = |mode, options_of: &str| said(header, mode, options_of);
    let plain = chosen(&decode(Mode::Choreo, ""));
    for mode in [Mode::Choreo, Mode::Naive] {
        let answer = decode(mode, "repetition-penalty 100");
        let tokens = chosen(&answer);
        assert_eq!(repeats(&tokens), 0, "{tokens:?}");
        let chat = chat();
        let prompt: Vec<_> = ["one two three", header].iter().flat_map(|text| chat.encode_text(text)).collect();
        assert!(prompt.iter().all(|seen| tokens.iter().all(|(token, _)| *token != u64::from(seen.0))));
        assert!(tokens.iter().any(|(token, best)| token != best), "log-probabilities are the model's own");
    }
    assert_eq!(chosen(&decode(Mode::Choreo, "repetition-penalty 1")), plain);
}

#[test]
fn min_p_cuts_at_the_call_s_temperature() {
    let rig = decoder(256, 16_384);
    let script =
        |options: &str| format!("prefill user \"one\" -\ndecode assistant \"so\" 1 max 20 top-logprobs 1 {options}\n");
    let decode = |options_of: &str| rig.script(options(Mode::Choreo, 1), &script(options_of)).0.remove(1);
    let hot = decode("temperature 3");
    assert_ne!(hot["text"], decode("")["text"]);
    assert_eq!(decode("temperature 3 min-p 1")["text"], decode("")["text"], "the likeliest alone");
    assert_eq!(decode("temperature 3 min-p 0"), hot, "all");
    for (bad, named) in [
        ("min-p 1.5", "min-p is 1.5"),
        ("min-p -0.1", "min-p is -0.1"),
        ("min-p NaN", "min-p is NaN"),
        ("repetition-penalty 0", "repetition-penalty is 0"),
        ("repetition-penalty inf", "repetition-penalty is inf"),
    ] {
        let answer = decode(bad);
        assert_eq!(answer["error"], "invalid-argument", "{bad}");
        assert!(answer["detail"].as_str().unwrap().contains(named), "{answer}");
    }
}

/// Log-probabilities of the tokens reported, chosen and alternatives.
fn logprobs(answer: &Value) -> impl Iterator<Item = f32> + '_ {
    let tokens = answer["logprobs"].as_array().into_iter().flatten();
    tokens.flat_map(|token| {
        let top = token["top"].as_array().into_iter().flatten().map(|pair| &pair[1]);
        top.chain([&token["bits"]]).map(|bits| f32::from_bits(u32::try_from(bits.as_u64().unwrap()).unwrap()))
    })
}
