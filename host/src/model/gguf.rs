//! A `.gguf` file as a model: configuration, tokenizer, chat template and
//! weights in one. It is shown as the files of a Hugging Face directory, which
//! are made of its metadata when they are asked for, so that one reader serves
//! both; tensors keep the names they have in the file.

mod chat;
mod config;
pub(crate) mod metadata;
mod random;
mod reader;
mod shape;
mod tensors;
mod tokenizer;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use metadata::Value;
pub use shape::{LLAMA_3_1_8B, QWEN3_0_6B, SHAPES, Shape};
pub(super) use tensors::{ROTARY_DIVISORS, SUPPORTED, tensor_name};

pub use writer::{NewTensor, write};

use super::LoadError;
use super::config::Config;
use super::source::{Bytes, map_file};
use super::weights::{Pairs, Place};
use reader::Header;

/// An opened `.gguf` file, of which the header is read and the rest mapped.
pub struct Gguf {
    path: PathBuf,
    bytes: Arc<Bytes>,
    header: Header,
}

impl Gguf {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// A file that cannot be read, or is not of the format, or is cut short in
    /// its header.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let name = name(path);
        let bytes = map_file(path).map_err(|error| LoadError::Read { file: name.clone(), error })?;
        let header = Header::parse(&name, &bytes)?;
        let bytes = Arc::new(bytes);
        Ok(Self { path: path.into(), bytes, header })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its own name, without its folder's.
    pub(super) fn name(&self) -> String {
        name(&self.path)
    }

    /// All of its bytes.
    pub(super) fn bytes(&self) -> Arc<Bytes> {
        Arc::clone(&self.bytes)
    }

    /// What a decoder needs to know.
    ///
    /// # Errors
    /// Metadata that are missing, impossible or not supported, by key.
    pub(super) fn config(&self) -> Result<Config, LoadError> {
        let json = config::config(&self.header)?.to_string();
        Config::parse(json.as_bytes())
            .map_err(|error| LoadError::Config { file: format!("{}, read as config.json,", self.name()), error })
    }

    /// What it says in place of a directory's file; none where it has no such thing.
    ///
    /// # Errors
    /// Metadata that are missing, impossible or not supported, by key.
    pub(super) fn file(&self, file: &str) -> Result<Option<Vec<u8>>, LoadError> {
        let metadata = &self.header.metadata;
        let json = match file {
            "tokenizer.json" => return tokenizer::tokenizer_json(metadata).map(Some),
            "config.json" => config::config(&self.header)?,
            "generation_config.json" => chat::generation_config(metadata)?,
            "tokenizer_config.json" => chat::tokenizer_config(metadata)?,
            _ => return Ok(None),
        };
        Ok(Some(json.to_string().into_bytes()))
    }

    /// Where its tensors are.
    ///
    /// # Errors
    /// One that is not whole, or not where it may be.
    pub(super) fn places(&self) -> Result<HashMap<String, Place>, LoadError> {
        tensors::places(&self.header, self.bytes.len() as u64)
    }

    /// How the rows of queries and keys lie.
    pub(super) fn pairs(&self) -> Result<Pairs, LoadError> {
        Ok(config::pairs(config::family(&self.header.metadata)?))
    }
}

impl std::fmt::Debug for Gguf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Gguf({})", self.path.display())
    }
}

/// The same file, as far as its path says.
impl PartialEq for Gguf {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Gguf {}

fn name(path: &Path) -> String {
    match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.display().to_string(),
    }
}
