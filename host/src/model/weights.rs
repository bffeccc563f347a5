//! Tensors of safetensors files, one or several: vectors as `f32`, matrices as
//! they are.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use choreo_kernels::Kernels;
use safetensors::{Dtype, SafeTensors};

use super::LoadError;
use super::matrix::{Mapped, Matrix, Stored};
use super::source::{Bytes, Source};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The files of a model's weights, mapped; tensors are taken out by name.
pub(super) struct Weights {
    files: Vec<(String, Arc<Bytes>)>,
    /// File of each tensor not taken yet.
    places: HashMap<String, usize>,
}

impl Weights {
    /// Maps `model.safetensors`, or the files that its index names.
    pub(super) fn open(source: &Source) -> Result<Self, LoadError> {
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

    fn read(files: Vec<(String, Bytes)>) -> Result<Self, LoadError> {
        let mut places = HashMap::new();
        for (file, (name, bytes)) in files.iter().enumerate() {
            for tensor in parse(name, bytes)?.names() {
                if places.insert(tensor.to_owned(), file).is_some() {
                    return Err(problem(name, format!("repeats {tensor}: fetch the files again")));
                }
            }
        }
        let files = files.into_iter().map(|(name, bytes)| (name, Arc::new(bytes)));
        Ok(Self { files: files.collect(), places })
    }

    /// Takes a vector of the given length.
    pub(super) fn vector(&mut self, name: &str, len: usize) -> Result<Tensor, LoadError> {
        let (file, stored) = self.take(name, &[len])?;
        let values = Matrix::new([1, len], stored).gather(Kernels::detect(), &[0]);
        Tensor::from_vec(values, len, &Device::Cpu).map_err(|error| problem(&file, format!("{name}: {error}")))
    }

    /// Takes a matrix of the given shape. Halves are not read yet.
    pub(super) fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Matrix, LoadError> {
        Ok(Matrix::new(shape, self.take(name, &shape)?.1))
    }

    /// Takes a tensor of the given shape, and the name of its file.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<(String, Stored), LoadError> {
        let Some(file) = self.places.remove(name) else {
            let names: Vec<_> = self.files.iter().map(|(name, _)| name.as_str()).collect();
            let wanted = format!("has no {name} {shape:?}: fetch the file again, or another model");
            return Err(problem(&names.join(", "), wanted));
        };
        let (file, bytes) = &self.files[file];
        let tensors = parse(file, bytes)?;
        let view = tensors.tensor(name).map_err(|error| problem(file, error.to_string()))?;
        if view.shape() != shape {
            let found = view.shape();
            return Err(problem(file, format!("{name} is {found:?}; config.json asks for {shape:?}")));
        }
        let mapped = || {
            // The view is a part of the file's bytes.
            let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
            Mapped { file: Arc::clone(bytes), bytes: start..start + view.data().len() }
        };
        let stored = match view.dtype() {
            Dtype::F32 => {
                Stored::F32(view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
            Dtype::F16 => Stored::F16(mapped()),
            Dtype::BF16 => Stored::Bf16(mapped()),
            found => {
                return Err(problem(file, format!("{name} is {found:?}; only F32, F16 and BF16 are supported")));
            }
        };
        Ok((file.clone(), stored))
    }

    /// Refuses tensors that nothing has asked for: a bias left out is a wrong
    /// result. Those that end in one of `without_effect` may be left.
    pub(super) fn finish(self, without_effect: &[&str]) -> Result<(), LoadError> {
        let mut left: Vec<_> =
            self.places.iter().filter(|(name, _)| !without_effect.iter().any(|end| name.ends_with(end))).collect();
        left.sort();
        match left.first() {
            None => Ok(()),
            Some((name, file)) => {
                let text = format!("has {name}, which is not supported: use another model");
                Err(problem(&self.files[**file].0, text))
            }
        }
    }
}

/// File names of the index, each once, sorted.
fn indexed(source: &Source) -> Result<Vec<String>, LoadError> {
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

fn parse<'a>(file: &str, bytes: &'a [u8]) -> Result<SafeTensors<'a>, LoadError> {
    SafeTensors::deserialize(bytes).map_err(|error| {
        let text = format!("is cut short or is not a safetensors file ({error}): fetch it again");
        problem(file, text)
    })
}

fn problem(file: &str, problem: String) -> LoadError {
    LoadError::Weights { file: file.into(), problem }
}
