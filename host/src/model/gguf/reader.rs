//! The header of a GGUF file, as `docs/gguf.md` of ggml describes it: magic,
//! version, keys and values, descriptions of tensors. Little-endian; nothing is
//! taken on trust, so no count makes more memory than the file has bytes for.

use std::collections::HashMap;

use super::LoadError;
use super::metadata::{Metadata, Value};

const MAGIC: &[u8] = b"GGUF";
const VERSIONS: [u32; 2] = [2, 3];
/// Far above what any model has. Entries are those of all lists together, of
/// which a vocabulary and its merges are the longest.
const MOST_KEYS: u64 = 1 << 16;
const MOST_ENTRIES: u64 = 1 << 22;
const MOST_TENSORS: u64 = 1 << 20;
/// As many as ggml has.
const MOST_DIMENSIONS: u32 = 4;
/// Where tensors start, if the file does not say.
const ALIGNMENT: u32 = 32;

/// What a file holds, as it says itself.
pub(super) struct Header {
    pub(super) metadata: Metadata,
    pub(super) tensors: Vec<Described>,
    /// Where the tensors' data start; it need not be in the file.
    pub(super) data: u64,
}

/// A tensor as the header describes it.
pub(super) struct Described {
    pub(super) name: String,
    /// The entries that follow one another come first.
    pub(super) dimensions: Vec<u64>,
    /// Number of its type in ggml.
    pub(super) kind: u32,
    /// From the start of the data.
    pub(super) offset: u64,
}

impl Header {
    /// Reads the header of a file's bytes; `file` is its name.
    ///
    /// # Errors
    /// Another format or version, a file cut short, impossible counts.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader { file, bytes, at: 0, entries: MOST_ENTRIES };
        if !bytes.starts_with(&MAGIC[..bytes.len().min(4)]) {
            return Err(reader.problem("is not a GGUF file: name a .gguf file or a Hugging Face directory"));
        }
        reader.take(4)?;
        let version = reader.u32()?;
        if VERSIONS.iter().any(|known| known.swap_bytes() == version) {
            return Err(reader.problem("is a big-endian GGUF file, which is not supported: fetch the usual one"));
        }
        if !VERSIONS.contains(&version) {
            let text = format!("is GGUF version {version}, which is not supported, only 2 and 3: convert it again");
            return Err(reader.problem(&text));
        }
        let tensors = reader.count("tensors", MOST_TENSORS, 24)?;
        let keys = reader.count("keys", MOST_KEYS, 13)?;
        let mut values = HashMap::new();
        for _ in 0..keys {
            let key = reader.text()?;
            let kind = reader.u32()?;
            let value = reader.value(kind)?;
            if values.insert(key.clone(), value).is_some() {
                return Err(reader.problem(&format!("repeats the key `{key}`: fetch it again")));
            }
        }
        let tensors: Result<Vec<_>, _> = (0..tensors).map(|_| reader.described()).collect();
        let tensors = tensors?;
        let metadata = Metadata::new(file, values);
        let alignment = metadata.find::<u32>("general.alignment")?.unwrap_or(ALIGNMENT);
        if alignment == 0 || !alignment.is_multiple_of(8) {
            return Err(
                metadata.problem(format!("`general.alignment` is {alignment}; it must be a multiple of 8 above 0"))
            );
        }
        let data = (reader.at as u64).next_multiple_of(u64::from(alignment));
        Ok(Self { metadata, tensors, data })
    }
}

/// Reads on from a place in a file.
struct Reader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// How many entries further lists may have.
    entries: u64,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], LoadError> {
        let rest = &self.bytes[self.at..];
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(self.problem(&format!(
                "is cut short: it has {} bytes, and its header goes on: fetch it again",
                self.bytes.len()
            ))),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, LoadError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, LoadError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A count of things that take so many bytes each, or more.
    fn count(&mut self, what: &str, most: u64, bytes: u64) -> Result<u64, LoadError> {
        let count = self.u64()?;
        let left = (self.bytes.len() - self.at) as u64;
        if count > most || count.saturating_mul(bytes) > left {
            let text = format!("says it has {count} {what}, more than fit its {} bytes", self.bytes.len());
            return Err(self.problem(&format!("{text} (at most {most} are read): fetch it again")));
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<String, LoadError> {
        let len = self.u64()?;
        let bytes = self.take(len)?;
        match str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => {
                Err(self.problem(&format!("has a text that is not UTF-8, before byte {}: fetch it again", self.at)))
            }
        }
    }

    /// A value of a type given by its number.
    fn value(&mut self, kind: u32) -> Result<Value, LoadError> {
        if kind != 9 {
            return self.scalar(kind);
        }
        let kind = self.u32()?;
        let count = self.count("entries in a list", self.entries, least_bytes(kind))?;
        self.entries -= count;
        let values: Result<_, _> = (0..count).map(|_| self.scalar(kind)).collect();
        Ok(Value::List(values?))
    }

    fn scalar(&mut self, kind: u32) -> Result<Value, LoadError> {
        Ok(match kind {
            0 => Value::Unsigned(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Signed(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Unsigned(self.u32()?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Flag(self.array::<1>()? != [0]),
            8 => Value::Text(self.text()?),
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            _ => {
                let text = format!("has a value of type {kind}, which is not supported, before byte {}", self.at);
                return Err(self.problem(&format!("{text}: fetch it again")));
            }
        })
    }

    fn described(&mut self) -> Result<Described, LoadError> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions > MOST_DIMENSIONS {
            let text = format!("{name} has {dimensions} dimensions; at most {MOST_DIMENSIONS} are supported");
            return Err(self.problem(&format!("{text}: fetch it again")));
        }
        let dimensions: Result<_, _> = (0..dimensions).map(|_| self.u64()).collect();
        Ok(Described { name, dimensions: dimensions?, kind: self.u32()?, offset: self.u64()? })
    }

    fn problem(&self, problem: &str) -> LoadError {
        LoadError::Weights { file: self.file.into(), problem: problem.into() }
    }
}

/// Bytes that a scalar of a type takes at least.
fn least_bytes(kind: u32) -> u64 {
    match kind {
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    /// Keys of every kind, and one tensor.
    fn header(version: u32) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(5u64.to_le_bytes());
        let mut pair = |key: &str, kind: u32, value: &[u8]| {
            text(&mut bytes, key);
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        };
        pair("whole", 4, &7u32.to_le_bytes());
        pair("number", 6, &0.1f32.to_le_bytes());
        pair("flag", 7, &[1]);
        let mut words = [8u32.to_le_bytes().as_slice(), &2u64.to_le_bytes()].concat();
        text(&mut words, "a");
        text(&mut words, "é");
        pair("words", 9, &words);
        let negative = [5u32.to_le_bytes().as_slice(), &1u64.to_le_bytes(), &(-3i32).to_le_bytes()].concat();
        pair("negative", 9, &negative);
        text(&mut bytes, "tensor");
        bytes.extend(2u32.to_le_bytes());
        bytes.extend([32u64, 3].into_iter().flat_map(u64::to_le_bytes));
        bytes.extend(8u32.to_le_bytes());
        bytes.extend(64u64.to_le_bytes());
        bytes
    }

    #[test]
    fn both_versions_are_read() -> Result<(), LoadError> {
        for version in VERSIONS {
            let bytes = header(version);
            let Header { metadata, tensors, data } = Header::parse("x.gguf", &bytes)?;
            assert_eq!(metadata.require::<u32>("whole")?, 7);
            assert_eq!(metadata.require::<f32>("number")?.to_bits(), 0.1f32.to_bits());
            assert!(metadata.require::<bool>("flag")?);
            assert_eq!(metadata.require::<Vec<&str>>("words")?, ["a", "é"]);
            assert_eq!(metadata.require::<Vec<i32>>("negative")?, [-3]);
            assert_eq!(metadata.find::<u32>("nothing")?, None);
            let [Described { name, dimensions, kind: 8, offset: 64 }] = &tensors[..] else { panic!("one tensor") };
            assert_eq!((name.as_str(), &dimensions[..]), ("tensor", &[32, 3][..]));
            assert_eq!(data, (bytes.len() as u64).next_multiple_of(32));
        }
        Ok(())
    }

    #[test]
    fn values_of_another_kind_are_refused() -> Result<(), LoadError> {
        let metadata = Header::parse("x.gguf", &header(3))?.metadata;
        let error = metadata.require::<&str>("whole").expect_err("a number").to_string();
        assert_eq!(error, "x.gguf `whole` is 7; it must be a text");
        let error = metadata.require::<Vec<u32>>("negative").expect_err("below 0").to_string();
        assert_eq!(error, "x.gguf `negative` is a list of 1; it must be a list of whole numbers from 0 on");
        let error = metadata.require::<u32>("nothing").expect_err("no value").to_string();
        assert_eq!(error, "x.gguf has no `nothing`: fetch the file again, or another model");
        Ok(())
    }

    #[test]
    fn a_header_cut_anywhere_is_refused() {
        let bytes = header(3);
        for len in 0..bytes.len() {
            let error = Header::parse("x.gguf", &bytes[..len]).err().expect("cut short").to_string();
            assert!(error.starts_with("x.gguf ") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn any_changed_byte_is_read_or_refused() {
        let bytes = header(3);
        for at in 0..bytes.len() {
            for change in [1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                // What matters is that it comes back: no panic, no memory for what is not there.
                let parsed = Header::parse("x.gguf", &changed).map(|header| header.tensors.len());
                assert!(parsed.is_err() || parsed.is_ok_and(|tensors| tensors <= 1));
            }
        }
    }
}
