//! An engine and a sandbox in this process: scripts go through the real
//! component of `tests/guests/probe`, whatever model is behind them.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use choreo_host::chat::Chat;
use choreo_host::engine::call::{Part, PrefillCall, Role, View};
use choreo_host::engine::report::RunReport;
use choreo_host::engine::{self, Budgets, Defaults, EngineOptions, Handle, Mode, RunOptions, Script, Tenant, Tokens};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use choreo_host::wasm::{CompiledCache, Limits, LogSink, Plan, Sandbox, Task};
use serde_json::Value;

/// The embedded model's tokenizer and chat format.
pub fn chat() -> Chat {
    Chat::load(|file| Source::Embedded.read(file)).unwrap()
}

/// Settings of a run that hits no limit.
pub fn options(mode: Mode, seed: u64) -> RunOptions {
    RunOptions {
        mode,
        tenant: Tenant::default(),
        seed,
        budgets: Budgets { calls: u64::MAX, tokens_out: u64::MAX, text_bytes: 1 << 30, wall: Duration::from_secs(600) },
        defaults: Defaults { max_tokens: 32, temperature: 0.0, top_p: 1.0, top_k: None },
        tokens: Tokens::Sampled,
    }
}

/// One engine, with as many runs as a test wants.
#[derive(Clone)]
pub struct Rig {
    /// The engine.
    pub handle: Handle,
}

impl Rig {
    /// Starts an engine.
    pub fn new<M: Model + 'static>(step_rows: u32, load: impl FnOnce() -> (M, Chat) + Send + 'static) -> Self {
        let starting = engine::start(EngineOptions { step_rows }, move || Ok::<_, anyhow::Error>(load()));
        Self { handle: starting.wait().unwrap() }
    }

    /// An engine with the embedded model.
    pub fn embedded() -> Self {
        Self::new(256, || {
            let cache_size = CacheSize::Tokens(32_768);
            let options = LoadOptions { cache_size, cache_type: CacheType::F32, threads: 2 };
            (Decoder::load(&Source::Embedded, options).unwrap(), chat())
        })
    }

    /// Seconds that the engine itself takes for `calls` requests of a message's text.
    pub fn direct_calls(&self, calls: usize) -> f64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let run = self.handle.open(options(Mode::Choreo, 1)).await.unwrap();
            let view = View::default();
            let call = PrefillCall { role: Role::User, name: None, part: Part::Whole, text: "one".into(), view };
            let id = run.prefill(vec![call]).await.unwrap()[0];
            let begun = Instant::now();
            for _ in 0..calls {
                assert_eq!(run.text(vec![id]).await.unwrap(), ["one"]);
            }
            begun.elapsed().as_secs_f64()
        })
    }

    /// Runs a script of the probe; its answers, and what it cost.
    pub fn script(&self, options: RunOptions, script: &str) -> (Vec<Value>, RunReport) {
        let (answers, report, _) = self.scripted(options, script);
        (answers, report)
    }

    /// The same, and what it generated, where that is kept.
    pub fn scripted(&self, options: RunOptions, script: &str) -> (Vec<Value>, RunReport, Script) {
        let (output, report, script) = self.run_scripted(probe(), options, &["script", script]);
        let answers = output.lines().map(|line| serde_json::from_str(line).unwrap());
        (answers.collect(), report, script)
    }

    /// Frees what no run holds.
    pub fn forget(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.handle.forget()).unwrap();
    }

    /// Runs a plan to its result.
    #[track_caller]
    pub fn run(&self, plan: &Plan, options: RunOptions, arguments: &[&str]) -> (String, RunReport) {
        let (result, report, _) = self.run_scripted(plan, options, arguments);
        (result, report)
    }

    #[track_caller]
    fn run_scripted(&self, plan: &Plan, options: RunOptions, arguments: &[&str]) -> (String, RunReport, Script) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let task = Task {
                arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
                limits: Limits::default(),
                seed: options.seed,
                log: LogSink::default(),
            };
            let run = Arc::new(self.handle.open(options).await.unwrap());
            let outcome = plan.run(&self.handle, run.clone(), task).await;
            let report = run.report().await.unwrap();
            (outcome.result.unwrap().unwrap(), report, run.script().await.unwrap())
        })
    }
}

/// A built plan, ready to run.
pub fn load(name: &str) -> Plan {
    open(&choreo_workflows::component(name).unwrap())
}

/// A component, a folder below the target folder, ready to run.
pub fn open(component: &Path) -> Plan {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let target = component.ancestors().nth(2).unwrap();
    // Interpreters take long to compile; the host's own tests keep theirs here too.
    let compiled = || CompiledCache::open(&target.join("tmp/compiled/components")).ok();
    let sandbox = SANDBOX.get_or_init(|| Sandbox::new(compiled()).unwrap());
    sandbox.load(std::fs::read(component).unwrap()).unwrap()
}

fn probe() -> &'static Plan {
    static PROBE: OnceLock<Plan> = OnceLock::new();
    PROBE.get_or_init(|| load("probe"))
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
