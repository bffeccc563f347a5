//! Writes GGUF files, version 3, from one end to the other: a tensor's rows are
//! made as they are written, so a file may be larger than the memory.

use std::io::{self, Write};

use super::metadata::Value;
use crate::model::matrix::Format;

const ALIGNMENT: usize = 32;

/// A tensor to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTensor {
    /// Its name in the file.
    pub name: String,
    /// Rows, of which there is one in a vector.
    pub rows: usize,
    /// Entries of a row, whole blocks of the format.
    pub width: usize,
    /// How they are stored.
    pub format: Format,
}

impl NewTensor {
    /// Bytes of a row.
    fn row_bytes(&self) -> usize {
        let (block, bytes) = self.format.block();
        self.width / block * bytes
    }

    /// Bytes up to the next tensor.
    fn room(&self) -> usize {
        (self.rows * self.row_bytes()).next_multiple_of(ALIGNMENT)
    }
}

/// Writes a file. Whole numbers are stored in 32 bits and others in single
/// precision, as readers expect of the usual keys; `row` makes the bytes of the
/// next row of a tensor, which are zero before.
///
/// # Errors
/// What the output says; a whole number or a list that cannot be stored.
pub fn write(
    out: &mut impl Write,
    metadata: &[(String, Value)],
    tensors: &[NewTensor],
    mut row: impl FnMut(&NewTensor, &mut [u8]),
) -> io::Result<()> {
    let mut header = b"GGUF".to_vec();
    header.extend(3u32.to_le_bytes());
    header.extend((tensors.len() as u64).to_le_bytes());
    header.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        text(&mut header, key);
        header.extend(number(value).to_le_bytes());
        put(&mut header, value)?;
    }
    let mut offset = 0;
    for tensor in tensors {
        text(&mut header, &tensor.name);
        let dimensions: &[usize] = if tensor.rows == 1 { &[tensor.width] } else { &[tensor.width, tensor.rows] };
        header.extend((dimensions.len() as u32).to_le_bytes());
        header.extend(dimensions.iter().flat_map(|dimension| (*dimension as u64).to_le_bytes()));
        header.extend(super::tensors::number(tensor.format).to_le_bytes());
        header.extend((offset as u64).to_le_bytes());
        offset += tensor.room();
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
    out.write_all(&header)?;
    for tensor in tensors {
        let mut bytes = vec![0; tensor.row_bytes()];
        for _ in 0..tensor.rows {
            bytes.fill(0);
            row(tensor, &mut bytes);
            out.write_all(&bytes)?;
        }
        out.write_all(&[0; ALIGNMENT][..tensor.room() - tensor.rows * tensor.row_bytes()])?;
    }
    out.flush()
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The number of a value's type.
fn number(value: &Value) -> u32 {
    match value {
        Value::Unsigned(_) => 4,
        Value::Signed(_) => 5,
        Value::Float(_) => 6,
        Value::Flag(_) => 7,
        Value::Text(_) => 8,
        Value::List(_) => 9,
    }
}

fn put(bytes: &mut Vec<u8>, value: &Value) -> io::Result<()> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    match value {
        Value::Unsigned(number) => {
            let number = u32::try_from(*number).map_err(|_| invalid("a whole number of more than 32 bits"))?;
            bytes.extend(number.to_le_bytes());
        }
        Value::Signed(number) => {
            let number = i32::try_from(*number).map_err(|_| invalid("a whole number of more than 32 bits"))?;
            bytes.extend(number.to_le_bytes());
        }
        Value::Float(number) => bytes.extend((*number as f32).to_le_bytes()),
        Value::Flag(flag) => bytes.push(u8::from(*flag)),
        Value::Text(value) => text(bytes, value),
        Value::List(values) => {
            let kind = values.first().map_or(4, number);
            if kind == 9 || values.iter().any(|value| number(value) != kind) {
                return Err(invalid("a list of values that are lists or of several types"));
            }
            bytes.extend(kind.to_le_bytes());
            bytes.extend((values.len() as u64).to_le_bytes());
            values.iter().try_for_each(|value| put(bytes, value))?;
        }
    }
    Ok(())
}
