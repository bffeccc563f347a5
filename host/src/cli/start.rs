//! A model behind an engine, and a plan in a sandbox: what every run needs.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::chat::Chat;
use crate::engine::{self, EngineOptions, Handle, Starting};
use crate::model::{CacheSize, Decoder, LoadError, LoadOptions, Model, Source};
use crate::wasm::{Plan, Sandbox};

use super::explain::explain;
use super::options::HostArguments;
use super::screen::{one_line, say};
use super::{input, model};

/// Makes a component, whose path is `name`, ready to run on the model that is
/// named: the model is loaded on the engine's thread while the plan is compiled
/// on this one.
pub(super) fn ready(component: Vec<u8>, name: &Path, arguments: &HostArguments) -> Result<(Plan, Handle)> {
    let starting = start(model::source(arguments)?, arguments)?;
    let sandbox = Sandbox::new(input::compiled_cache())?;
    let plan = sandbox.load(component).map_err(|error| explain(name, error))?;
    Ok((plan, starting.wait()?))
}

/// Starts the engine's thread, which loads the model.
pub(super) fn start(source: Source, arguments: &HostArguments) -> Result<Starting<anyhow::Error>> {
    let cache_size = arguments.cache_size();
    let options = LoadOptions { cache_size, cache_type: arguments.cache_type, threads: arguments.threads() };
    Ok(engine::start(EngineOptions::default(), move || {
        let model = Decoder::load(&source, options);
        let model = model.map_err(|error| with_flag(error, cache_size)).with_context(|| cannot(&source))?;
        let chat = Chat::load(|file| source.read(file)).with_context(|| cannot(&source))?;
        let (tokens, rows) = (chat.vocabulary() as usize, model.shape().vocabulary);
        ensure!(
            tokens <= rows,
            "{}: its tokenizer has {tokens} tokens and its embedding {rows} rows: fetch both again",
            cannot(&source)
        );
        for line in chat.deviations() {
            say(&format!("note: the model's chat format: {}", one_line(line)));
        }
        Ok((model, chat))
    }))
}

fn cannot(source: &Source) -> String {
    match source {
        Source::Embedded => format!("cannot load {source}"),
        Source::Directory(_) | Source::Gguf(_) => format!("cannot load the model {source}"),
    }
}

/// Names the flag that a loading error is about.
fn with_flag(error: LoadError, asked: CacheSize) -> anyhow::Error {
    let about_cache = matches!(error, LoadError::Cache { .. } | LoadError::CacheBytes { .. });
    let error = anyhow::Error::new(error);
    match asked {
        _ if !about_cache => error,
        CacheSize::Tokens(tokens) => error.context(format!("--cache-tokens {tokens}")),
        CacheSize::Bytes(bytes) => error.context(format!("--cache-bytes {bytes}")),
    }
}
