//! Prints what a decode step, a guest's call and a constraint cost:
//! `cargo run --release --package choreo-tests --bin measure`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use std::time::Instant;

use choreo_host::cache::{Cache, MessageId, NewMessage, Placed, TokenId, Wanted, Work, Yielding};
use choreo_host::engine::Mode;
use choreo_host::engine::call::{Constraint, DecodeCall, DecodeOptions, Part, Role, View};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use choreo_tests::rig::{Rig, load, options};

fn main() {
    steps();
    calls();
    constraints();
}

/// A decode step that sees 1,000 tokens, in a cache that holds 1,000 and in one
/// that holds 32,000, taken in turn.
fn steps() {
    let mut small = Stepper::new(1_000);
    let mut large = Stepper::new(32_000);
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..400 {
        times[0].push(small.step());
        times[1].push(large.step());
    }
    let [small, large] = times.map(|times| quartiles(times)[1]);
    println!(
        "decode step, 1,000 visible tokens: {small:.1} µs in a cache of 1,000, {large:.1} µs in one of 32,000, ratio {:.3}",
        large / small
    );
}

/// One lane over 1,000 visible tokens in ten messages that lie far apart.
struct Stepper {
    model: Decoder,
    cache: Cache,
    lane: MessageId,
}

impl Stepper {
    fn new(held: u32) -> Self {
        let cache_size = CacheSize::Tokens(held as usize + 1100);
        let options = LoadOptions { cache_size, cache_type: CacheType::F32, threads: 1 };
        let mut model = Decoder::load(&Source::Embedded, options).unwrap();
        let mut cache = Cache::new(held + 1100, None).unwrap();
        let mut messages = Vec::new();
        for _ in 0..held / 100 {
            let tokens = (0..100).map(|token| TokenId(token % 200 + 20)).collect();
            let new = NewMessage { tokens, parents: vec![], offset: 0, capacity: 100, tenant: None };
            let message = cache.add(new).0;
            cache.fill(message, Yielding::Released).unwrap();
            let plan = cache.plan(&[Work { message, tokens: 100, wanted: Wanted::Encoding }]);
            model.forward(&plan).unwrap();
            cache.commit(&plan);
            messages.push(message);
        }
        let every = messages.len() / 10;
        let seen = messages.iter().step_by(every).take(10).zip(0..);
        let parents = seen.map(|(message, at)| Placed { message: *message, offset: at * 100 }).collect();
        let new = NewMessage { tokens: vec![TokenId(30)], parents, offset: 1000, capacity: 1000, tenant: None };
        let lane = cache.insert(new);
        Self { model, cache, lane }
    }

    /// One step, in microseconds.
    fn step(&mut self) -> f64 {
        let begun = Instant::now();
        self.cache.fill(self.lane, Yielding::Released).unwrap();
        let plan = self.cache.plan(&[Work { message: self.lane, tokens: 1, wanted: Wanted::Logits }]);
        let logits = self.model.forward(&plan).unwrap();
        self.cache.commit(&plan);
        let time = begun.elapsed().as_secs_f64() * 1e6;
        assert_eq!(logits.values.len(), logits.vocabulary);
        self.cache.append(self.lane, &[TokenId(31)]);
        // The lane itself stays short.
        if self.cache.tokens(self.lane).len() > 8 {
            self.cache.truncate(self.lane, 1);
            self.cache.append(self.lane, &[TokenId(31)]);
        }
        time
    }
}

/// A guest's call, against the same request made of the engine directly.
fn calls() {
    const CALLS: usize = 20_000;
    let rig = Rig::embedded();
    let probe = load("probe");
    let mut guest = Vec::new();
    let mut direct = Vec::new();
    for _ in 0..9 {
        let begun = Instant::now();
        rig.run(&probe, options(Mode::Choreo, 1), &["many-calls", &CALLS.to_string()]);
        guest.push(begun.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
        direct.push(rig.direct_calls(CALLS) * 1e6 / CALLS as f64);
    }
    let (guest, direct) = (quartiles(guest)[1], quartiles(direct)[1]);
    println!(
        "one `text` call: {guest:.2} µs from a guest, {direct:.2} µs of it the engine's, {:.2} µs the boundary's",
        guest - direct
    );
}

/// What constraints cost a lane of the embedded model: a token of a text, alone,
/// and the first call and a later one with the same constraint.
fn constraints() {
    let rig = Rig::embedded();
    let schema = r#"{"type":"object","properties":{"name":{"type":"string","minLength":60,"maxLength":80},"city":{"enum":["Paris","Rome"]},"age":{"type":"integer","minimum":0,"maximum":120}},"required":["name","city","age"],"additionalProperties":false}"#;
    let words: Vec<String> = (0..20).map(|word| format!("{word} and the rest of a sentence, which is long")).collect();
    let kinds = [
        ("none", None),
        ("one-of", Some(Constraint::OneOf(words))),
        ("regex", Some(Constraint::Regex("[A-Za-z ,.]{100}".into()))),
        ("json-schema", Some(Constraint::JsonSchema(schema.into()))),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut starts: [Vec<f64>; 4] = Default::default();
    for round in 0..21 {
        for (kind, (_, constraint)) in kinds.iter().enumerate() {
            runtime.block_on(async {
                let run = rig.handle.open(options(Mode::Choreo, round)).await.unwrap();
                let begun = Instant::now();
                let mut pendings = run.start_decode(vec![noise(constraint.clone())]).await.unwrap();
                starts[kind].push(begun.elapsed().as_secs_f64() * 1e6);
                pendings[0].finish().await.unwrap();
                let report = run.report().await.unwrap();
                times[kind].push(report.decode_ms * 1e3 / report.generated as f64);
            });
        }
    }
    let free = quartiles(times[0].clone())[1];
    for ((name, _), (times, starts)) in kinds.iter().zip(times.into_iter().zip(starts)) {
        let (time, first) = (quartiles(times)[1], starts[0]);
        println!(
            "constraint {name}: {time:.0} µs a token, ratio {:.2}; the call returns after {first:.0} µs the first time, {:.0} µs later",
            time / free,
            quartiles(starts)[1]
        );
    }
}

/// A long message, all tokens as likely as one another.
fn noise(constraint: Option<Constraint>) -> DecodeCall {
    DecodeCall {
        role: Role::Raw,
        name: None,
        part: Part::Whole,
        header: "Once".into(),
        view: View::default(),
        options: DecodeOptions {
            max_tokens: Some(200),
            temperature: Some(100.0),
            constraint,
            ..DecodeOptions::default()
        },
    }
}

/// First quartile, median, third quartile.
fn quartiles(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[times.len() * quarter / 4])
}
