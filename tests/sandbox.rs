//! What a careless or hostile plan does, and what becomes of it.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use choreo_host::cache::plan::Plan as Step;
use choreo_host::chat::Chat;
use choreo_host::engine::{self, Budgets, Defaults, EngineOptions, Handle, Mode, RunOptions, Tenant, Tokens};
use choreo_host::model::{ForwardError, Logits, Model, ModelShape, Source};
use choreo_host::wasm::{Limits, LogSink, Outcome, Plan, Sandbox, Task};

use crate::support::{self, Host, scratch};

#[test]
fn a_loop_ends_with_its_processor_time() {
    let started = Instant::now();
    let ended = Host::probe("--cpu-ms 300", "loop").fails(2, &["used 300 ms of processor time", "--cpu-ms"]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(ended.stderr.contains("in probe.wasm!probe::hostile::spin\n"), "{ended:?}");
}

#[test]
fn a_loop_ends_with_its_wall_time() {
    Host::probe("--wall-ms 100", "loop").fails(2, &["ran 100 ms", "--wall-ms"]);
}

#[test]
fn a_sleep_ends_with_the_wall_time() {
    Host::probe("--wall-ms 100", "nap 60000").fails(2, &["ran 100 ms", "--wall-ms"]);
    Host::probe("--quiet --cpu-ms 50", "nap 300").gives("rested\n");
}

/// A step takes its time and always chooses the same token.
struct Sleeper {
    shape: ModelShape,
    chosen: usize,
}

const STEP: Duration = Duration::from_millis(30);

impl Sleeper {
    fn new(chat: &Chat) -> Self {
        let vocabulary = usize::try_from(chat.vocabulary()).unwrap();
        let chosen = chat.encode_text("the")[0].0;
        let shape = ModelShape { name: "sleeper".into(), vocabulary, context: 1000, slots: 1000, slot_bytes: 1 };
        Self { shape, chosen: usize::try_from(chosen).unwrap() }
    }
}

impl Model for Sleeper {
    fn shape(&self) -> &ModelShape {
        &self.shape
    }

    fn forward(&mut self, step: &Step) -> Result<Logits, ForwardError> {
        thread::sleep(STEP);
        let mut values = vec![0.0; step.sampled.len() * self.shape.vocabulary];
        for row in values.chunks_mut(self.shape.vocabulary) {
            row[self.chosen] = 1.0;
        }
        Ok(Logits { vocabulary: self.shape.vocabulary, values })
    }
}

fn sleeping_engine() -> Handle {
    let load = || {
        let chat = Chat::load(|file| Source::Embedded.read(file))?;
        anyhow::Ok((Sleeper::new(&chat), chat))
    };
    engine::start(EngineOptions::default(), load).wait().unwrap()
}

/// Runs the probe in this process.
async fn probe(handle: Handle, limits: Limits, behaviour: &str) -> Outcome {
    static PROBE: OnceLock<Plan> = OnceLock::new();
    let load = || Sandbox::new(None).unwrap().load(std::fs::read(support::probe()).unwrap()).unwrap();
    let plan = PROBE.get_or_init(load);
    let options = RunOptions {
        mode: Mode::Choreo,
        tenant: Tenant::default(),
        seed: 1,
        budgets: Budgets { calls: 100, tokens_out: 10_000, text_bytes: 1 << 20, wall: limits.wall },
        defaults: Defaults { max_tokens: 10, temperature: 0.0, top_p: 1.0, top_k: None },
        tokens: Tokens::Sampled,
    };
    let run = Arc::new(handle.open(options).await.unwrap());
    let arguments = behaviour.split(' ').map(str::to_owned).collect();
    plan.run(&handle, run, Task { arguments, limits, seed: 1, log: LogSink::default() }).await
}

/// Waits for a test's futures on one thread, as the command does.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn waiting_in_a_call_costs_no_processor_time() {
    let cpu = Duration::from_millis(200);
    let started = Instant::now();
    let outcome = wait(probe(sleeping_engine(), Limits { cpu, ..Limits::default() }, "sleep-decode 40"));
    assert_eq!(outcome.result.unwrap().unwrap(), "Finish::Length after 40 tokens");
    assert!(started.elapsed() > 5 * cpu && outcome.cpu < cpu, "{:?} {:?}", started.elapsed(), outcome.cpu);
}

#[test]
fn a_loop_leaves_other_runs_on_its_thread_alone() {
    let engine = sleeping_engine();
    let short = Limits { cpu: Duration::from_millis(300), ..Limits::default() };
    let (looping, decoding) = wait(async {
        let looping = tokio::spawn(probe(engine.clone(), short, "loop"));
        let decoding = probe(engine.clone(), Limits::default(), "sleep-decode 20").await;
        (looping.await.unwrap(), decoding)
    });
    assert!(looping.result.unwrap_err().line.contains("300 ms of processor time"));
    assert_eq!(decoding.result.unwrap().unwrap(), "Finish::Length after 20 tokens");
}

#[test]
fn a_run_that_is_dropped_leaves_the_engine_free() {
    let engine = sleeping_engine();
    wait(async {
        let endless = probe(engine.clone(), Limits::default(), "sleep-decode 900");
        tokio::time::timeout(3 * STEP, endless).await.unwrap_err();
        let next = probe(engine.clone(), Limits::default(), "sleep-decode 3").await;
        assert_eq!(next.result.unwrap().unwrap(), "Finish::Length after 3 tokens");
    });
}

#[test]
fn a_plan_that_leaves_without_a_result_is_said() {
    Host::probe("", "exit").fails(2, &["ended itself", "return from `run`"]);
}

#[test]
fn printing_without_end_fills_nothing() {
    let ended = Host::probe("--quiet", "flood 4").gives("4 MiB printed\n");
    assert!(ended.stderr.len() < 128 << 10, "{}", ended.stderr.len());
    assert!(ended.stderr.starts_with("plan printed: (4128768 bytes before this are not kept)\n"));
}

#[test]
fn memory_beyond_the_limit_is_refused() {
    let ended = Host::probe("--memory-mib 64", "grow").end();
    assert_eq!(ended.code, 0, "{ended:?}");
    let taken = ended.stdout.strip_prefix("refused after ").and_then(|rest| rest.strip_suffix(" MiB\n"));
    let taken: u32 = taken.unwrap().parse().unwrap();
    assert!((32..64).contains(&taken), "{ended:?}");
}

#[test]
fn a_plan_that_takes_no_refusal_ends_by_it() {
    Host::probe("--memory-mib 16", "hoard").fails(2, &["MiB of memory and its limit is 16 MiB", "--memory-mib"]);
}

#[test]
fn a_plan_that_starts_too_large_does_not_start() {
    Host::probe("--memory-mib 1", "print").fails(2, &["asked for 2 MiB of memory", "limit is 1 MiB", "--memory-mib"]);
}

#[test]
fn a_trap_shows_the_plans_own_frames() {
    let ended = Host::probe("", "trap").fails(2, &["unreachable", "trapped as asked, at depth 2"]);
    let frames: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("  in ")).collect();
    let names = ["trap_innermost", "trap_middle", "trap"].map(|name| format!("  in probe.wasm!probe::hostile::{name}"));
    assert_eq!(frames[..3], names, "{ended:?}");
    assert!(ended.stderr.contains("plan printed: trapped as asked"), "{ended:?}");
}

#[test]
fn endless_recursion_is_told_once() {
    let ended = Host::probe("", "recurse").fails(2, &["nested too deep", "recursion"]);
    let frames = ended.stderr.lines().filter(|line| line.contains("probe::hostile::descend"));
    assert!(frames.count() <= 2, "{ended:?}");
}

#[test]
fn what_a_plan_prints_goes_to_standard_error() {
    let ended = Host::probe("--quiet", "print").gives("printed\n");
    let printed = "plan printed: printed to standard output\nplan printed: printed to standard error\n";
    assert_eq!(ended.stderr, printed);
}

#[test]
fn time_and_randomness_follow_from_the_seed() {
    let world = |seed: u64| Host::probe(&format!("--seed {seed}"), "clock").end().stdout;
    let first = world(1);
    assert!(first.starts_with("wall 946684800000000000\nelapsed 1000000\nrandom "), "{first}");
    assert!(first.contains("\nvariables 0\nfolder entity not found\n"), "{first}");
    assert_eq!(world(1), first);
    assert_ne!(world(2), first);
}

#[test]
fn lists_have_bounds() {
    Host::probe("", "big-list text").fails(2, &["over 8 MiB in one call"]);
    Host::probe("", "big-list parents").fails(2, &["over 8 MiB in one call"]);
    Host::probe("", "big-list calls").fails(2, &["over 8 MiB in one call"]);
}

#[test]
fn a_wrong_call_is_an_error_of_the_plans() {
    for (behaviour, pieces) in [
        ("unknown-message", ["call 0 of the list", "message 999"]),
        ("empty-raw-header", ["call 0 of the list", "header"]),
        ("offset-past-context", ["call 0 of the list", "message 1 at offset 4294967294"]),
        ("release-then-use", ["call 0 of the list", "message 1"]),
    ] {
        Host::probe("", behaviour).fails(1, &pieces);
    }
}

#[test]
fn a_cache_too_small_is_an_error_of_the_plans() {
    Host::probe("--cache-tokens 16", "sleep-decode 64").fails(1, &["room for 68 tokens at once", "the cache has 16"]);
}

#[test]
fn what_is_not_served_names_itself() {
    let ended = Host::probe("", "unsupported").end();
    assert_eq!(ended.code, 0, "{ended:?}");
    for (name, named) in [("link", "refresh"), ("labels", "labels"), ("may-see", "may-see"), ("name", "name")] {
        let start = format!("{name}: ");
        let answer = ended.stdout.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        assert!(answer.contains(named) && answer.contains("not supported by this host"), "{name}: {answer}");
    }
    for name in [
        "regex",
        "json-schema",
        "start-decode",
        "read",
        "cancel",
        "wait-any",
        "score",
        "describe",
        "count-tokens",
        "limit",
        "one-of",
        "stop",
        "top-logprobs",
        "open",
    ] {
        assert!(ended.stdout.lines().any(|line| line == format!("{name}: ok")), "{name}: {ended:?}");
    }
}

#[test]
fn a_report_is_written_whatever_happened() {
    let path = scratch().join("trapped.json");
    Host::probe(&format!("--report {}", path.display()), "trap").fails(2, &["unreachable"]);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["outcome"], "stopped");
    assert_eq!(report["mode"], "choreo");
    assert!(report["error"].as_str().unwrap().contains("unreachable"), "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_given_loses_no_report() {
    let path = scratch().join("full.json");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let host = Host::probe(&format!("--quiet --report {}", path.display()), "first-call");
    let output = host.command().stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: cannot write to standard output: No space"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&report["outcome"], &report["messages"][0]["id"]), (&"result".into(), &1.into()));
}

#[test]
fn a_cache_that_cannot_be_kept_is_a_note() {
    let output = Host::probe("--quiet", "first-call").command().env("CHOREO_CACHE_DIR", "/dev/null").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"message 1\n".as_slice()));
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.starts_with("note: compiled plans cannot be kept in /dev/null/components: "), "{note}");
    assert_eq!(note.lines().count(), 1, "{note}");
}

#[test]
fn limits_without_end_are_no_overflow() {
    let most = u64::MAX;
    let options =
        format!("--quiet --wall-ms {most} --cpu-ms {most} --calls {most} --tokens-out {most} --memory-mib 65536");
    Host::probe(&options, "first-call").gives("message 1\n");
}

#[test]
fn a_report_that_cannot_be_written_loses_no_result() {
    let ended = Host::probe("--quiet --report /absent/report.json", "print").end();
    assert_eq!((ended.code, ended.stdout.as_str()), (1, "printed\n"), "{ended:?}");
    assert!(ended.stderr.contains("cannot write the report to /absent/report.json"), "{ended:?}");
}
