//! Keys and values cached in fewer bits: what they take, and what they change.

use std::fs;

use choreo_host::model::{CacheSize, CacheType, Decoder, LoadError, LoadOptions, Model, Source};
use choreo_tests::divergence::{ROUNDED, conversations};
use serde_json::Value;

use crate::support::{Host, scratch};

fn embedded(cache_size: CacheSize, cache_type: CacheType) -> Result<Decoder, LoadError> {
    Decoder::load(&Source::Embedded, LoadOptions { cache_size, cache_type, threads: 1 })
}

/// Six layers of two heads of 40; 40 numbers of a byte have two scales.
const TOKEN_BYTES: [usize; 4] = [2 * 6 * 2 * 160, 2 * 6 * 2 * 80, 2 * 6 * 2 * 80, 2 * 6 * 2 * 44];

#[test]
fn a_cache_of_bytes_holds_the_tokens_that_fit() {
    for (cache_type, token_bytes) in CacheType::ALL.into_iter().zip(TOKEN_BYTES) {
        for (bytes, tokens) in [(token_bytes, 1), (1_000 * token_bytes - 1, 999), (1_000 * token_bytes, 1_000)] {
            let decoder = embedded(CacheSize::Bytes(bytes as u64), cache_type).unwrap();
            assert_eq!((decoder.shape().slots, decoder.shape().slot_bytes), (tokens, token_bytes), "{cache_type}");
        }
        let error = embedded(CacheSize::Bytes(token_bytes as u64 - 1), cache_type).unwrap_err().to_string();
        let bytes = token_bytes - 1;
        assert_eq!(error, format!("a cache of {bytes} bytes holds no token, each takes {token_bytes}: ask for more"));
        let error = embedded(CacheSize::Bytes(u64::MAX), cache_type).unwrap_err().to_string();
        assert!(error.ends_with(&format!("at {token_bytes} bytes each cannot be had: ask for fewer, at least 1")));
    }
}

#[test]
fn cache_types_have_names() {
    for cache_type in CacheType::ALL {
        assert_eq!(cache_type.to_string().parse(), Ok(cache_type));
    }
    assert_eq!("q4".parse::<CacheType>(), Err("use f32, bf16, f16 or q8".into()));
}

/// The rounding shows, so it is there, and it is small. The embedded model's
/// 100 conversations are measured by the command `rows`.
#[test]
fn rounded_caches_predict_nearly_the_same_tokens() {
    for (cache_type, seen) in ROUNDED.into_iter().zip(conversations(4)) {
        for seen in [seen.sampled, seen.every] {
            println!("{cache_type}: mean divergence {:.2e} nats over {} tokens", seen.mean(), seen.tokens);
            assert!(seen.tokens > 200, "{cache_type}: {seen:?}");
            assert!(seen.mean() > 1e-12 && seen.mean() <= 0.01, "{cache_type}: {seen:?}");
        }
    }
}

#[test]
fn a_plan_runs_on_every_cache_type() {
    let plan = choreo_workflows::component("conversation").unwrap();
    for (cache_type, token_bytes) in CacheType::ALL.into_iter().zip(TOKEN_BYTES) {
        let path = scratch().join(format!("{cache_type}.json"));
        let host = Host::new(&format!("run --cache-type {cache_type} --cache-bytes 2MiB --report"));
        let ended = host.with(path.display()).with(plan.display()).with("What pet does Halan have?").end();
        assert!(ended.code == 0 && ended.stdout.contains("fox"), "{cache_type}: {ended:?}");
        let report: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let expected = serde_json::json!({
            "type": cache_type.name(), "tokens": (2 << 20) / token_bytes, "token_bytes": token_bytes,
        });
        assert_eq!(report["cache"], expected);
        let held = report["peak_cache_bytes"].as_u64().unwrap();
        assert!(held > 0 && held.is_multiple_of(token_bytes as u64), "{cache_type}: {held}");
    }
}
