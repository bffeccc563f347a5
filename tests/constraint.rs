//! Texts held to regular expressions, JSON schemas and choices, through a real
//! component and the embedded model.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use choreo_host::cache::Plan;
use choreo_host::engine::{Mode, RunOptions};
use choreo_host::model::{CacheSize, CacheType, Decoder, ForwardError, LoadOptions, Logits, Model, ModelShape, Source};
use choreo_tests::rig::{Rig, chat, options};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::choreography::cases;

/// A line of the script: an assistant's message of at most 512 tokens under
/// this constraint, a kind and its text.
fn decode(kind: &str, text: &str, more: &str) -> String {
    format!("decode assistant \"\" 1 max 512 {kind} {} {more}\n", Value::from(text))
}

const QUESTION: &str = "prefill user \"Where does Ada live?\" -\n";

fn answers(rig: &Rig, seed: u64, script: &str) -> Vec<Value> {
    rig.script(options(Mode::Choreo, seed), &format!("{QUESTION}{script}")).0.split_off(1)
}

/// Whether the model, or the constraint, ended the text.
fn is_whole(answer: &Value) -> bool {
    matches!(answer["finish"].as_str(), Some("end" | "constraint"))
}

/// Regular expressions that both crates read the same.
fn regexes() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z]{1,6}",
        Just(r"\d{1,9}".to_owned()),
        Just("[A-Z][a-z]{0,9}".to_owned()),
        Just("[^,;]{2,5}".to_owned()),
        Just(r"[ .,/\\\-]?".to_owned()),
        Just("é|ß|日本".to_owned()),
        Just(r"\p{Lu}\w".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            (inner.clone(), 0u32..3, 0u32..3)
                .prop_map(|(inner, least, more)| { format!("(?:{inner}){{{least},{}}}", least + more) }),
            inner.prop_map(|inner| format!("(?:{inner})?")),
        ]
    })
}

#[test]
fn what_is_written_under_a_regex_matches_it() {
    let rig = Rig::embedded();
    let (whole, all) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(cases(100));
    let result = runner.run(&(regexes(), 0u64..1000), |(regex, seed)| {
        let found = answers(&rig, seed, &decode("regex", &regex, "temperature 1.0"));
        let matcher = Regex::new(&format!("^(?:{regex})$")).unwrap();
        all.set(all.get() + 1);
        if is_whole(&found[0]) {
            whole.set(whole.get() + 1);
            let text = found[0]["text"].as_str().unwrap();
            prop_assert!(matcher.is_match(text), "{:?} under {}: {}", text, regex, found[0]);
        } else {
            prop_assert_eq!(found[0]["finish"].as_str(), Some("length"), "{}: {}", regex, found[0]);
        }
        Ok(())
    });
    result.unwrap();
    let (whole, all) = (whole.get(), all.get());
    println!("{whole} of {all} texts under a regular expression ended within 512 tokens");
    assert!(whole * 100 >= all * 95);
}

/// Schemas of values that cannot be long: a small model seldom ends a string, or
/// a number, that may go on for ever.
fn schemas() -> impl Strategy<Value = Value> {
    let bounds =
        |least: i32, more: i32| (least..least + 1000, 0..=more).prop_map(|(least, more)| (least, least + more));
    let leaf = prop_oneof![
        Just(json!({"type": "null"})),
        Just(json!({"type": "boolean"})),
        bounds(-500, 2000).prop_map(|(least, most)| json!({"type": "integer", "minimum": least, "maximum": most})),
        (0..100, 1..9).prop_map(|(least, step)| json!({"type": "integer", "exclusiveMinimum": least, "exclusiveMaximum": least + 100, "multipleOf": step})),
        (bounds(-500, 2000), prop_oneof![1 => Just("x-any"), 7 => Just("multipleOf")]).prop_map(|((least, most), key)| {
            let (least, most) = (f64::from(least) / 8.0, f64::from(most) / 8.0 + 1.0);
            json!({"type": "number", "minimum": least, "maximum": most, key: 0.25})
        }),
        (0..8, 0..30).prop_map(|(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})),
        prop::sample::select(vec!["^[a-z]{2,8}$", r"^\d{4}-\d{2}$", "^(red|green)( [a-z]+){0,2}$", "[aeiou]{2}", r#"^"[^"]{0,5}\\$"#])
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern, "maxLength": 40})),
        prop::sample::select(vec![json!("a \"b\"\n"), json!(12), json!(-0.5), json!([1, {"é": null}]), json!({"x": "y"})])
            .prop_map(|value| json!({"const": value})),
        prop::collection::vec("[A-Za-z ]{1,10}", 1..6).prop_map(|values| json!({"enum": values})),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-z]{1,8}", (inner.clone(), any::<bool>()), 0..5).prop_map(|members| {
                let required: Vec<&String> =
                    members.iter().filter(|(_, (_, required))| *required).map(|(key, _)| key).collect();
                let properties: Map<String, Value> =
                    members.iter().map(|(key, (schema, _))| (key.clone(), schema.clone())).collect();
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
            }),
            (inner.clone(), 0..4, 0..4).prop_map(|(items, least, more)| {
                json!({"type": "array", "items": items, "minItems": least, "maxItems": least + more})
            }),
            prop::collection::vec(inner, 1..4).prop_map(|options| json!({"anyOf": options})),
        ]
    })
}

#[test]
fn what_is_written_under_a_schema_is_valid() {
    let rig = Rig::embedded();
    let (whole, all) = (Cell::new(0), Cell::new(0));
    let mut runner = proptest::test_runner::TestRunner::new(cases(200));
    let result = runner.run(&(schemas(), 0u64..1000), |(schema, seed)| {
        let found = answers(&rig, seed, &decode("json-schema", &schema.to_string(), "temperature 1.0"));
        all.set(all.get() + 1);
        if !is_whole(&found[0]) {
            prop_assert_eq!(found[0]["finish"].as_str(), Some("length"), "{}: {}", schema, found[0]);
            println!("goes on after 512 tokens: {schema}");
            return Ok(());
        }
        whole.set(whole.get() + 1);
        let text = found[0]["text"].as_str().unwrap();
        let value: Value =
            serde_json::from_str(text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let valid = jsonschema::validator_for(&schema).unwrap().is_valid(&value);
        prop_assert!(valid, "{} under {}", text, schema);
        Ok(())
    });
    result.unwrap();
    let (whole, all) = (whole.get(), all.get());
    println!("{whole} of {all} texts under a JSON schema ended within 512 tokens");
    assert!(whole * 100 >= all * 95);
}

/// One line, in bounded time, and the engine goes on.
#[test]
fn what_cannot_be_served_is_refused_in_a_line() {
    let rig = Rig::embedded();
    let many = |what: &str, times: usize| what.repeat(times);
    let chain = |len: usize| {
        let links = (0..len).map(|at| format!("\"d{at}\":{{\"$ref\":\"#/$defs/d{}\"}},", at + 1));
        format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{}\"d{len}\":{{}}}}}}", links.collect::<String>())
    };
    let patterns = (0..100).map(|count| format!("{{\"type\":\"string\",\"pattern\":\"^(a{{{count}}}[bc]*)+$\"}}"));
    let patterns = format!("{{\"allOf\":[{}]}}", patterns.collect::<Vec<_>>().join(","));
    let nested = format!("{}{{}}{}", many("{\"items\":", 200), many("}", 200));
    let refused: [(&str, &str, &str); 23] = [
        ("regex", "", "regex is empty"),
        ("regex", "a(", "unclosed group"),
        ("regex", "a(?=b)", "look-around"),
        ("regex", r"(a)\1", "backreferences"),
        ("regex", r"[^\x00-\x{10FFFF}]", "satisfied by no text"),
        ("regex", r"\bword\b", "cannot be served"),
        ("regex", &many("[a-z]?", 20_000), "at most 4096"),
        ("regex", &many("(", 2000), "cannot be served"),
        ("regex", &many("[a-z]?", 680), "too large"),
        ("json-schema", "{", "not JSON"),
        ("json-schema", "[1]", "neither an object"),
        ("json-schema", "false", "satisfied by no text"),
        ("json-schema", r#"{"type":"object","required":["a"],"properties":{"a":false}}"#, "nsatisfiable"),
        ("json-schema", r#"{"type":"string","pattern":"^a$","minLength":5}"#, "nsatisfiable"),
        ("json-schema", r##"{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}"##, "too large"),
        ("json-schema", r#"{"$ref":"http://example.com/a.json"}"#, "example.com"),
        ("json-schema", r#"{"type":"array","uniqueItems":true}"#, "uniqueItems"),
        ("json-schema", r#"{"type":"integer","multipleOf":1000003}"#, "remainders"),
        ("json-schema", r#"{"type":"integer","minimum":1e308}"#, "minimum"),
        ("json-schema", r#"{"type":"array","minItems":1000000,"items":{"type":"null"}}"#, "too large"),
        ("json-schema", &patterns, "at most 8"),
        ("json-schema", &nested, "recursion limit"),
        ("json-schema", &format!("{{\"title\":\"{}\"}}", many("a", 1 << 20)), "at most 65536"),
    ];
    let mut slowest = (Duration::ZERO, "");
    for (kind, constraint, why) in refused {
        let begun = Instant::now();
        let found = answers(&rig, 1, &decode(kind, constraint, ""));
        let detail = found[0]["detail"].as_str().unwrap_or_else(|| panic!("{constraint:.80}: {}", found[0]));
        assert_eq!(found[0]["error"], "invalid-argument", "{constraint:.80}: {detail}");
        assert!(detail.contains(why), "{constraint:.80}: {why:?} is not in {detail:?}");
        assert!(detail.lines().count() == 1 && detail.len() < 400, "{detail}");
        slowest = slowest.max((begun.elapsed(), &constraint[..constraint.len().min(40)]));
    }
    println!("the slowest refusal took {:.0?}: {}", slowest.0, slowest.1);
    // Large, and served.
    for (kind, constraint) in [
        ("regex", "(a|b){1,1000}{1,1000}".to_owned()),
        ("regex", "((a{1,100}){1,100}){1,100}".to_owned()),
        ("regex", "(a|b)*a(a|b){200}".to_owned()),
        ("json-schema", chain(1900)),
        ("json-schema", "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}".to_owned()),
    ] {
        let found = answers(&rig, 1, &decode(kind, &constraint, "temperature 1.0"));
        assert!(
            found[0]["error"].is_null() || found[0]["error"] == "invalid-argument",
            "{constraint:.80}: {}",
            found[0]
        );
    }
    assert_eq!(answers(&rig, 1, &decode("regex", "yes|no", ""))[0]["finish"], "constraint");
}

/// Bit for bit: in a batch or alone, tokens forced in blocks or one by one; and
/// what is not constrained never notices.
#[test]
fn constrained_lanes_and_others_do_not_change_one_another() {
    let rig = Rig::embedded();
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","maxLength":12},"city":{"enum":["Paris","Rome"]},"age":{"type":"integer","minimum":0,"maximum":120}},"required":["name","city","age"],"additionalProperties":false}"#;
    let constraints = [
        ("json-schema", schema),
        ("regex", r"\d{3}-\d{4}( or \d{3}-\d{4})?"),
        ("regex", "[a-z]{1,9}(, [a-z]{1,9}){3}"),
    ];
    for temperature in ["0", "0.9"] {
        let more = |logprobs: u32| format!("temperature {temperature} top-logprobs {logprobs} seed 3");
        let free = format!("decode assistant \"\" 1 max 40 {}\n", more(0));
        let (mut batch, mut blocks, mut alone) = ("batch\n".to_owned(), String::new(), String::new());
        for (kind, text) in constraints {
            write!(batch, "{free}{}", decode(kind, text, &more(2))).unwrap();
            write!(blocks, "{free}{}", decode(kind, text, &more(0))).unwrap();
            write!(alone, "{free}{}", decode(kind, text, &more(2))).unwrap();
        }
        batch += "end\n";
        let [batch, blocks, alone] = [batch, blocks, alone].map(|script| answers(&rig, 1, &script));
        assert_eq!(batch, alone, "a batch equals single calls");
        let text = |answer: &Value| (answer["text"].clone(), answer["finish"].clone(), answer["tokens"].clone());
        assert_eq!(
            blocks.iter().map(text).collect::<Vec<_>>(),
            alone.iter().map(text).collect::<Vec<_>>(),
            "forced tokens in blocks equal those one by one"
        );
        assert!(alone.iter().skip(1).step_by(2).all(is_whole), "{alone:?}");
    }
}

/// Counts forward passes.
struct Counted {
    model: Decoder,
    passes: Arc<AtomicUsize>,
}

impl Model for Counted {
    fn shape(&self) -> &ModelShape {
        self.model.shape()
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.model.forward(plan)
    }
}

/// A text that must come goes through the model in one pass, but where each
/// token's log-probability is asked for; and limits hold inside it.
#[test]
fn forced_tokens_are_one_block_and_within_limits() {
    let passes = Arc::new(AtomicUsize::new(0));
    let counter = passes.clone();
    let rig = Rig::new(256, move || {
        let options = LoadOptions { cache_size: CacheSize::Tokens(4096), cache_type: CacheType::F32, threads: 2 };
        (Counted { model: Decoder::load(&Source::Embedded, options).unwrap(), passes: counter }, chat())
    });
    let text = "the very long name of some city";
    let schema = json!({ "const": text }).to_string();
    let ask = |options: RunOptions, more: &str| {
        let before = passes.load(Ordering::Relaxed);
        let script = format!("{QUESTION}{}", decode("json-schema", &schema, more));
        let answer = rig.script(options, &script).0.remove(1);
        (answer, passes.load(Ordering::Relaxed) - before)
    };
    let free = || options(Mode::Choreo, 1);
    let (whole, few) = ask(free(), "");
    assert_eq!(
        (whole["text"].as_str(), &whole["finish"]),
        (Some(format!("\"{text}\"").as_str()), &json!("constraint"))
    );
    let tokens = whole["tokens"].as_u64().unwrap();
    let (each, many) = ask(free(), "top-logprobs 1");
    assert_eq!((&each["text"], &each["tokens"]), (&whole["text"], &whole["tokens"]));
    println!("{tokens} tokens that must come: {few} passes, {many} with log-probabilities");
    assert!(tokens > 8 && few <= 4 && many as u64 >= tokens, "{tokens} {few} {many}");

    let (stopped, _) = ask(free(), "stop \"name\"");
    assert_eq!((stopped["text"].as_str(), &stopped["finish"]), (Some("\"the very long "), &json!("stop-string")));
    let (short, _) = ask(free(), "max 3");
    assert_eq!((&short["finish"], &short["tokens"]), (&json!("length"), &json!(3)));
    let mut budget = free();
    budget.budgets.tokens_out = 4;
    let (spent, _) = ask(budget, "");
    assert_eq!((&spent["finish"], &spent["tokens"]), (&json!("budget"), &json!(4)));
}

/// The lanes of a run that are followed through large grammars share what memory
/// there is for that; a list that asks for more is refused, and what its lanes
/// grow by ends the lanes that would grow. Others never notice.
#[test]
fn large_grammars_of_many_lanes_are_bounded_together() {
    let rig = Rig::embedded();
    let classes = ["[a-e]", "[f-k]", "[l-p]", "[q-u]", "[v-z]", "[A-M]", "[N-Z]", r"\p{Lu}"];
    let ways = classes.iter().zip(15..).map(|(class, more)| format!(".*{class}.{{{more}}}"));
    let large = decode("regex", &format!("(?:{})X", ways.collect::<Vec<_>>().join("|")), "max 24 temperature 1.0");
    let others = format!("decode assistant \"\" 1 max 24\n{}", decode("regex", "yes|no", ""));
    let batch = |lanes: usize| answers(&rig, 1, &format!("batch\n{}{others}end\n", large.repeat(lanes)));
    let told = |answer: &Value| (answer["text"].clone(), answer["finish"].clone(), answer["tokens"].clone());

    let mut found = batch(200);
    let served = found.split_off(200);
    assert_eq!(served.iter().map(told).collect::<Vec<_>>(), batch(0).iter().map(told).collect::<Vec<_>>());
    let bounded = |answer: &&Value| answer["detail"].as_str().is_some_and(|why| why.contains("the run's other lanes"));
    let ended = found.iter().filter(bounded).count();
    println!("{ended} of {} lanes ended for want of memory: {}", found.len(), found.iter().find(bounded).unwrap());
    assert!(found.iter().filter_map(|answer| answer["detail"].as_str()).all(|why| why.lines().count() == 1));

    let refused = batch(3000);
    assert_eq!((refused.len(), &refused[0]["error"]), (1, &json!("invalid-argument")), "{}", refused[0]);
    assert!(bounded(&&refused[0]), "{}", refused[0]);
    println!("3000 lanes: {}", refused[0]);
    // What the lanes that ended had is there again.
    assert_eq!(batch(1).split_off(1).iter().map(told).collect::<Vec<_>>(), served.iter().map(told).collect::<Vec<_>>());
}
