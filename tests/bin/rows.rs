//! Prints what caching keys and values in fewer bits saves and costs:
//! `cargo run --package choreo-tests --bin rows`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use choreo_host::cache::{Cache, NewMessage, Placed, Plan, TokenId, Wanted, Work, Yielding};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use choreo_tests::divergence::{ROUNDED, conversations};
use cpu_time::ProcessTime;

/// Tokens of each message that the new rows see, and how many of them one sees.
const MESSAGE: u32 = 100;
const SEEN: u32 = 35;

fn main() {
    let mut scenes = CacheType::ALL.map(Scene::new);
    let exact = scenes[0].model.shape().slot_bytes;
    for scene in &scenes {
        let bytes = scene.model.shape().slot_bytes;
        let saved = 100.0 * (1.0 - bytes as f64 / exact as f64);
        println!("{:<5} {bytes} bytes a token, {saved:.1}% saved", scene.cache_type.name());
    }
    for (number, what) in WORK.iter().enumerate() {
        let times = times(&mut scenes, number);
        for (cache_type, time) in CacheType::ALL.iter().zip(times) {
            println!("{:<5} {what}: {time:.0} µs, {:.2} of f32", cache_type.name(), time / times[0]);
        }
    }
    for (cache_type, seen) in ROUNDED.iter().zip(conversations(100)) {
        for (what, seen) in [("sampled", seen.sampled), ("encoded", seen.every)] {
            println!(
                "{:<5} 100 conversations, {} tokens {what}: mean divergence from f32 {:.2e} nats, largest {:.2e}, \
                 mean entropy {:.2e}, another likeliest token {} times",
                cache_type.name(),
                seen.tokens,
                seen.mean(),
                seen.largest,
                seen.mean_entropy(),
                seen.changed,
            );
        }
    }
}

/// What a scene's plans do.
const WORK: [&str; 3] = [
    "decode step of 1 lane that sees 3,500 tokens",
    "decode step of 16 lanes that see 3,500 tokens each, 56,000 in all",
    "prefill of 256 tokens that see 3,500",
];

/// The embedded model with a cache full of messages, and a plan for each of [`WORK`].
struct Scene {
    cache_type: CacheType,
    model: Decoder,
    plans: [Plan; 3],
}

impl Scene {
    fn new(cache_type: CacheType) -> Self {
        let slots = 16 * SEEN * MESSAGE + 1000;
        let cache_size = CacheSize::Tokens(slots as usize);
        let mut model = Decoder::load(&Source::Embedded, LoadOptions { cache_size, cache_type, threads: 1 }).unwrap();
        let mut cache = Cache::new(slots, None).unwrap();
        let add = |cache: &mut Cache, count: u32, parents: Vec<Placed>| {
            let offset = MESSAGE * parents.len() as u32;
            let tokens = (0..count).map(|token| TokenId(token % 200 + 20)).collect();
            let new = NewMessage { tokens, parents, offset: offset as i32, capacity: count, tenant: None };
            let message = cache.insert(new);
            cache.close(message);
            cache.fill(message, Yielding::Released).unwrap();
            Work { message, tokens: count, wanted: Wanted::Encoding }
        };
        let mut lanes = Vec::new();
        let mut seen = Vec::new();
        for _ in 0..16 {
            let mut parents = Vec::new();
            for number in 0..SEEN {
                let work = add(&mut cache, MESSAGE, Vec::new());
                let plan = cache.plan(&[work]);
                model.forward(&plan).unwrap();
                cache.commit(&plan);
                parents.push(Placed { message: work.message, offset: (number * MESSAGE) as i32 });
            }
            seen.clone_from(&parents);
            lanes.push(Work { wanted: Wanted::Logits, ..add(&mut cache, 1, parents) });
        }
        let prompt = add(&mut cache, 256, seen);
        let plans = [&lanes[..1], &lanes, &[prompt]].map(|work| cache.plan(work));
        Self { cache_type, model, plans }
    }
}

/// Medians of each scene's forward pass, taken in turn, in microseconds on the
/// processor: others may be using it as well.
fn times(scenes: &mut [Scene; 4], work: usize) -> [f64; 4] {
    let mut all: [Vec<f64>; 4] = Default::default();
    for _ in 0..41 {
        for (scene, times) in scenes.iter_mut().zip(&mut all) {
            let begun = ProcessTime::now();
            scene.model.forward(&scene.plans[work]).unwrap();
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    all.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
