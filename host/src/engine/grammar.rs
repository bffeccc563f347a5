//! Regular expressions and JSON schemas as constraints, through llguidance:
//! compiled where the call is made, off the engine's thread.

mod check;
mod matcher;
mod memory;
mod vocabulary;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::InferenceCapabilities;
use llguidance::{JsonCompileOptions, ParserFactory};
use tokio::sync::oneshot;

use super::call::{Cause, Constraint, DecodeCall, Error};
use super::guide::{Guide, Threads};
use super::requests::{at, whole};
use crate::chat::Chat;

use matcher::guarded;
pub(super) use matcher::{Grammar, Mask, Matcher};
pub(super) use memory::{Memory, Share};

/// Compiled grammars that are kept for equal constraints.
const KEPT: usize = 16;

/// Time in which all constraints of one list must be compiled.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room for the recursion over what nests or refers as deep as a schema may.
const COMPILER_STACK: usize = 256 << 20;

/// What is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Regex(String),
    JsonSchema(String),
}

/// Compiles constraints for one model's tokenizer; shared by all runs.
pub(super) struct Grammars {
    chat: Arc<Chat>,
    /// Made when the first constraint asks for it.
    compiler: OnceLock<Result<Compiler, String>>,
    /// The one that was used last is the last.
    kept: Mutex<Vec<(Source, Arc<Grammar>)>>,
}

struct Compiler {
    factory: ParserFactory,
    /// Where texts are followed.
    threads: Arc<Threads>,
}

impl std::fmt::Debug for Grammars {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl Grammars {
    pub(super) fn new(chat: Arc<Chat>) -> Self {
        Self { chat, compiler: OnceLock::new(), kept: Mutex::default() }
    }

    /// What guides each call of a list, of a run that has this memory; none where
    /// nothing has to be compiled.
    ///
    /// # Errors
    /// The first constraint that cannot be served, and why.
    pub(super) async fn guides(
        self: &Arc<Self>,
        calls: &[DecodeCall],
        memory: &Memory,
    ) -> Result<Vec<Option<Guide>>, Error> {
        let sources: Vec<Option<Source>> = calls.iter().map(Source::of).collect();
        if sources.iter().all(Option::is_none) {
            return Ok(sources.iter().map(|_| None).collect());
        }
        let (grammars, memory) = (self.clone(), memory.clone());
        let (sender, receiver) = oneshot::channel();
        let compile = move || {
            // Whoever asked may be gone.
            let _ = sender.send(grammars.compile_all(&sources, &memory));
        };
        let thread = std::thread::Builder::new().stack_size(COMPILER_STACK);
        let failed = |what: String| whole(Cause::Engine(format!("a constraint could not be compiled: {what}")));
        thread.spawn(compile).map_err(|error| failed(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(guides)) => guides,
            Ok(Err(_)) => Err(failed("its thread ended".into())),
            Err(_) => Err(whole(late())),
        }
    }

    fn compile_all(&self, sources: &[Option<Source>], memory: &Memory) -> Result<Vec<Option<Guide>>, Error> {
        let begun = Instant::now();
        let guide = |(source, call): (&Option<Source>, u32)| {
            let Some(source) = source else { return Ok(None) };
            if begun.elapsed() > PATIENCE {
                return Err(at(call, late()));
            }
            let compiler = self.compiler.get_or_init(|| Compiler::new(&self.chat));
            let compiler = compiler.as_ref().map_err(|why| whole(Cause::Engine(why.clone())))?;
            let unserved = |why| Cause::InvalidArgument(format!("the constraint's {} {why}", source.kind()));
            let grammar = self.grammar(compiler, source).map_err(|why| at(call, unserved(why)))?;
            let share = memory.take(grammar.bytes).map_err(|why| at(call, unserved(why)))?;
            Ok(Some(Guide::new(grammar, share, compiler.threads.clone())))
        };
        sources.iter().zip(0..).map(guide).collect()
    }

    /// What was compiled before is compiled no more.
    fn grammar(&self, compiler: &Compiler, source: &Source) -> Result<Arc<Grammar>, String> {
        if let Some(grammar) = self.kept(source) {
            return Ok(grammar);
        }
        let grammar = Arc::new(compiler.compile(source)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((source.clone(), grammar.clone()));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        Ok(grammar)
    }

    fn kept(&self, source: &Source) -> Option<Arc<Grammar>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(kept, _)| kept == source)?;
        let entry = kept.remove(index);
        let grammar = entry.1.clone();
        kept.push(entry);
        Some(grammar)
    }
}

impl Compiler {
    fn new(chat: &Arc<Chat>) -> Result<Self, String> {
        let threads = Arc::new(Threads::new()?);
        let vocabulary = vocabulary::vocabulary(chat.clone());
        let capabilities = InferenceCapabilities { ff_tokens: true, ..InferenceCapabilities::default() };
        let slices = SlicedBiasComputer::general_slices();
        let mut factory = guarded(|| ParserFactory::new(&vocabulary, capabilities, &slices))?;
        *factory.limits_mut() = check::limits();
        factory.quiet();
        Ok(Self { factory, threads })
    }

    fn compile(&self, source: &Source) -> Result<Grammar, String> {
        let grammar = match source {
            Source::Regex(regex) => {
                check::regex(regex)?;
                TopLevelGrammar::from_regex(regex)
            }
            Source::JsonSchema(text) => {
                let mut schema = check::schema(text)?;
                let options = JsonCompileOptions { whitespace_flexible: false, ..JsonCompileOptions::default() };
                options.apply_to(&mut schema);
                TopLevelGrammar::from_json_schema(schema)
            }
        };
        Grammar::new(Matcher::new(guarded(|| self.factory.create_parser(grammar))?))
    }
}

impl Source {
    /// Of a call's constraint, if that is one to compile.
    fn of(call: &DecodeCall) -> Option<Self> {
        match call.options.constraint.as_ref()? {
            Constraint::OneOf(_) => None,
            Constraint::Regex(regex) => Some(Self::Regex(regex.clone())),
            Constraint::JsonSchema(schema) => Some(Self::JsonSchema(schema.clone())),
        }
    }

    /// As the contract names it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Regex(_) => "regex",
            Self::JsonSchema(_) => "json-schema",
        }
    }
}

fn late() -> Cause {
    let seconds = PATIENCE.as_secs();
    Cause::InvalidArgument(format!(
        "the list's constraints take more than {seconds} s to compile: simplify them, or give fewer in one list"
    ))
}
