//! Where a model's files come from.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::config::Config;
use super::{Gguf, LoadError, hub};

/// Names of files with their contents.
macro_rules! embedded {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_bytes!(concat!("../../default-model/", $file)).as_slice())),*]
    };
}

const EMBEDDED: &[(&str, &[u8])] =
    embedded!["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];

/// Where a model's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Hugging Face model directory.
    Directory(PathBuf),
    /// A `.gguf` file.
    Gguf(Arc<Gguf>),
    /// The small default model inside this program.
    Embedded,
}

impl Source {
    /// The model at a path: a `.gguf` file or a Hugging Face directory.
    ///
    /// # Errors
    /// A file that is no GGUF file.
    pub fn open(path: PathBuf) -> Result<Self, LoadError> {
        Ok(match path.is_file() {
            true => Self::Gguf(Arc::new(Gguf::open(&path)?)),
            false => Self::Directory(path),
        })
    }

    /// Name to show: the directory's or the file's own, or that of the hub's repository.
    pub fn name(&self) -> String {
        match self {
            Self::Directory(path) => hub::repository(path).unwrap_or_else(|| match path.file_name() {
                Some(name) => name.to_string_lossy().into_owned(),
                None => path.display().to_string(),
            }),
            Self::Gguf(gguf) => gguf.name(),
            Self::Embedded => "default".into(),
        }
    }

    /// The whole of a file; none where the model has no such file.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(&self, file: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        match self {
            Self::Directory(path) => match std::fs::read(path.join(file)) {
                Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
            Self::Gguf(gguf) => gguf.file(file).map(|bytes| bytes.map(Cow::Owned)).map_err(io::Error::other),
            Self::Embedded => Ok(embedded(file).map(Cow::Borrowed)),
        }
    }

    /// Like [`Source::read`], for a file that must be there.
    pub(super) fn require(&self, file: &str) -> Result<Cow<'static, [u8]>, LoadError> {
        let found = self.read(file).map_err(|error| LoadError::Read { file: file.into(), error })?;
        found.ok_or_else(|| LoadError::Missing { file: file.into(), model: self.to_string() })
    }

    /// What a decoder needs to know.
    pub(super) fn config(&self) -> Result<Config, LoadError> {
        match self {
            Self::Gguf(gguf) => gguf.config(),
            Self::Directory(_) | Self::Embedded => {
                let file = "config.json";
                Config::parse(&self.require(file)?).map_err(|error| LoadError::Config { file: file.into(), error })
            }
        }
    }

    /// A file's bytes without reading them all; none where there is no such file.
    pub(super) fn map(&self, file: &str) -> Result<Option<Bytes>, LoadError> {
        // File names also come from the model's own index.
        let plain = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Err(LoadError::Weights {
                file: file.into(),
                problem: "is a path out of the model's directory: name a file inside it".into(),
            });
        }
        match self {
            Self::Directory(path) => match map_file(&path.join(file)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(LoadError::Read { file: file.into(), error }),
            },
            Self::Gguf(_) => Ok(None),
            Self::Embedded => Ok(embedded(file).map(Bytes::Static)),
        }
    }
}

fn embedded(file: &str) -> Option<&'static [u8]> {
    EMBEDDED.iter().find(|(name, _)| *name == file).map(|(_, bytes)| *bytes)
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(formatter),
            Self::Gguf(gguf) => gguf.path().display().fmt(formatter),
            Self::Embedded => formatter.write_str("the embedded default model"),
        }
    }
}

/// A file's bytes.
pub(super) enum Bytes {
    /// A file of the disk.
    Mapped(memmap2::Mmap),
    /// A part of this program.
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Static(bytes) => bytes,
        }
    }
}

#[expect(unsafe_code, reason = "a memory map is unsafe to make, and weights are too large to read twice")]
pub(super) fn map_file(path: &Path) -> io::Result<Bytes> {
    let file = File::open(path)?;
    // SAFETY: the map is private to this process and only read, for as long as
    // the model lives. As with any map, another process that cuts the file short
    // meanwhile ends this one; the operator owns the model's files.
    let map = unsafe { memmap2::Mmap::map(&file) }?;
    Ok(Bytes::Mapped(map))
}
