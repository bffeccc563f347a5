//! Tensors of a model's files: vectors as `f32`, matrices as they are.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use choreo_kernels::Kernels;
use safetensors::{Dtype, SafeTensors};

use super::LoadError;
use super::gguf;
use super::matrix::{Format, Mapped, Matrix, Stored};
use super::source::{Bytes, Source};

pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";

/// The files of a model's weights, mapped; tensors are taken out by name.
pub(super) struct Weights {
    files: Vec<(String, Arc<Bytes>)>,
    /// Tensors not taken yet, by the names they have in their files.
    places: HashMap<String, Place>,
    naming: Naming,
    pairs: Pairs,
}

/// Where a tensor is. Its bytes are in the file, and as many as its shape says.
pub(super) struct Place {
    /// Which of the files.
    pub(super) file: usize,
    /// Entries that follow one another come last.
    pub(super) shape: Vec<usize>,
    /// What its type is called, where that is not supported; `bytes` then say nothing.
    pub(super) format: Result<Format, String>,
    pub(super) bytes: Range<usize>,
}

/// How files call tensors, for which the decoder has the names of Hugging Face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    HuggingFace,
    Gguf,
}

/// In what order a projection has the outputs of a head that turn together:
/// output i of the first half with output i of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairs {
    /// One half below the other.
    Halves,
    /// Each two that turn together one below the other.
    Together,
}

impl Weights {
    /// Maps the files of a directory, `model.safetensors` or what its index
    /// names, or a `.gguf` file.
    pub(super) fn open(source: &Source) -> Result<Self, LoadError> {
        if let Source::Gguf(gguf) = source {
            let files = vec![(gguf.name(), gguf.bytes())];
            return Ok(Self { files, places: gguf.places()?, naming: Naming::Gguf, pairs: gguf.pairs()? });
        }
        let names = match source.map(SINGLE)? {
            Some(bytes) => return Self::read(vec![(SINGLE.into(), bytes)]),
            None => indexed(source)?,
        };
        let mut files = Vec::new();
        for name in names {
            match source.map(&name)? {
                Some(bytes) => files.push((name, bytes)),
                None => {
                    return Err(LoadError::Missing { file: name, model: source.to_string() });
                }
            }
        }
        Self::read(files)
    }

    /// Files of the safetensors format.
    fn read(files: Vec<(String, Bytes)>) -> Result<Self, LoadError> {
        let mut places = HashMap::new();
        for (file, (name, bytes)) in files.iter().enumerate() {
            let tensors = SafeTensors::deserialize(bytes).map_err(|error| {
                let text = format!("is cut short or is not a safetensors file ({error}): fetch it again");
                problem(name, text)
            })?;
            for (tensor, view) in tensors.iter() {
                let format = match view.dtype() {
                    Dtype::F32 => Ok(Format::F32),
                    Dtype::F16 => Ok(Format::F16),
                    Dtype::BF16 => Ok(Format::Bf16),
                    found => Err(format!("{found:?}")),
                };
                // The view is a part of the file's bytes.
                let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
                let bytes = start..start + view.data().len();
                let place = Place { file, shape: view.shape().to_vec(), format, bytes };
                if places.insert(tensor.to_owned(), place).is_some() {
                    return Err(problem(name, format!("repeats {tensor}: fetch the files again")));
                }
            }
        }
        let files = files.into_iter().map(|(name, bytes)| (name, Arc::new(bytes)));
        Ok(Self { files: files.collect(), places, naming: Naming::HuggingFace, pairs: Pairs::Halves })
    }

    /// How the rows of queries and keys lie.
    pub(super) fn pairs(&self) -> Pairs {
        self.pairs
    }

    /// Takes a vector of the given length.
    pub(super) fn vector(&mut self, name: &str, len: usize) -> Result<Tensor, LoadError> {
        let values = self.values(&self.own(name), len)?;
        Tensor::from_vec(values, len, &Device::Cpu).map_err(|error| problem(name, error.to_string()))
    }

    /// Takes a matrix of the given shape.
    pub(super) fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, LoadError> {
        Ok(Matrix::new(shape, self.take(&self.own(name), &shape)?))
    }

    /// Takes what each rotary frequency is divided by, where files say it: in
    /// GGUF that is how Llama 3's scaling is stored.
    pub(super) fn rotary_divisors(&mut self, len: usize) -> Result<Option<Vec<f32>>, LoadError> {
        let name = gguf::ROTARY_DIVISORS;
        if self.naming == Naming::HuggingFace || !self.places.contains_key(name) {
            return Ok(None);
        }
        let divisors = self.values(name, len)?;
        match divisors.iter().find(|divisor| !(divisor.is_finite() && **divisor > 0.0)) {
            None => Ok(Some(divisors)),
            Some(found) => {
                let text = format!("{name} has {found}; it must be numbers above 0: fetch the file again");
                Err(problem(&self.files[0].0, text))
            }
        }
    }

    /// What a tensor is called in the files.
    fn own(&self, name: &str) -> String {
        match self.naming {
            Naming::HuggingFace => name.into(),
            Naming::Gguf => gguf::tensor_name(name),
        }
    }

    fn values(&mut self, name: &str, len: usize) -> Result<Vec<f32>, LoadError> {
        Ok(Matrix::new([1, len], self.take(name, &[len])?).gather(Kernels::detect(), &[0]))
    }

    /// Takes a tensor of the given shape, by the files' name for it.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Stored, LoadError> {
        let Some(Place { file, shape: found, format, bytes }) = self.places.remove(name) else {
            let names: Vec<_> = self.files.iter().map(|(name, _)| name.as_str()).collect();
            let wanted = format!("has no {name} {shape:?}: fetch the file again, or another model");
            return Err(problem(&names.join(", "), wanted));
        };
        let (file, mapped) = &self.files[file];
        let (asks, supported) = match self.naming {
            Naming::HuggingFace => ("config.json asks", "F32, F16 and BF16 are supported"),
            Naming::Gguf => ("its metadata ask", gguf::SUPPORTED),
        };
        if found != shape {
            return Err(problem(file, format!("{name} is {found:?}; {asks} for {shape:?}")));
        }
        let format = format.map_err(|found| problem(file, format!("{name} is {found}; only {supported}")))?;
        Ok(Stored::new(Mapped { file: Arc::clone(mapped), bytes, format }))
    }

    /// Refuses tensors that nothing has asked for: a bias left out is a wrong
    /// result. Those that end in one of `without_effect` may be left.
    pub(super) fn finish(self, without_effect: &[&str]) -> Result<(), LoadError> {
        let mut left: Vec<_> =
            self.places.iter().filter(|(name, _)| !without_effect.iter().any(|end| name.ends_with(end))).collect();
        left.sort_by_key(|(name, _)| *name);
        match left.first() {
            None => Ok(()),
            Some((name, place)) => {
                let text = format!("has {name}, which is not supported: use another model");
                Err(problem(&self.files[place.file].0, text))
            }
        }
    }
}

/// File names of the index, each once, sorted.
pub(super) fn indexed(source: &Source) -> Result<Vec<String>, LoadError> {
    let bytes = source
        .read(INDEX)
        .map_err(|error| LoadError::Read { file: INDEX.into(), error })?
        .ok_or_else(|| LoadError::Missing { file: SINGLE.into(), model: source.to_string() })?;
    let malformed = || problem(INDEX, "has no `weight_map` of tensor and file names".into());
    let index: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    let map = index.get("weight_map").and_then(|map| map.as_object()).ok_or_else(malformed)?;
    let names: Option<Vec<_>> = map.values().map(|name| name.as_str().map(str::to_owned)).collect();
    let mut names = names.ok_or_else(malformed)?;
    names.sort();
    names.dedup();
    Ok(names)
}

fn problem(file: &str, problem: String) -> LoadError {
    LoadError::Weights { file: file.into(), problem }
}
