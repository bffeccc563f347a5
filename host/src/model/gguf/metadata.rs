//! What a GGUF file says about its model: keys and typed values.

use std::collections::HashMap;

use super::LoadError;

/// A value, in the widest type of its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An unsigned integer of any width.
    Unsigned(u64),
    /// A signed integer of any width.
    Signed(i64),
    /// A floating-point number of any width.
    Float(f64),
    /// A truth value.
    Flag(bool),
    /// A text.
    Text(String),
    /// Values of one type, none of them a list.
    List(Vec<Value>),
}

/// The keys and values of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metadata {
    file: String,
    values: HashMap<String, Value>,
}

/// What a value can be read as.
pub(crate) trait Read<'a>: Sized {
    /// What it must be, for an error.
    const WANTED: &'static str;

    /// The value, if it is that.
    fn read(value: &'a Value) -> Option<Self>;
}

impl Metadata {
    /// The file's name stands in every error.
    pub(crate) fn new(file: impl Into<String>, values: HashMap<String, Value>) -> Self {
        Self { file: file.into(), values }
    }

    /// The value of a key, where there is one.
    ///
    /// # Errors
    /// A value of another kind.
    pub(crate) fn find<'a, T: Read<'a>>(&'a self, key: &str) -> Result<Option<T>, LoadError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        match T::read(value) {
            Some(found) => Ok(Some(found)),
            None => Err(self.problem(format!("`{key}` is {}; it must be {}", brief(value), T::WANTED))),
        }
    }

    /// The value of a key that must be there.
    ///
    /// # Errors
    /// None, or one of another kind.
    pub(crate) fn require<'a, T: Read<'a>>(&'a self, key: &str) -> Result<T, LoadError> {
        self.find(key)?.ok_or_else(|| self.problem(format!("has no `{key}`: fetch the file again, or another model")))
    }

    /// All keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// An error about this file, which the text follows in one line.
    pub(crate) fn problem(&self, problem: String) -> LoadError {
        LoadError::Weights { file: self.file.clone(), problem }
    }
}

impl<'a> Read<'a> for &'a str {
    const WANTED: &'static str = "a text";

    fn read(value: &'a Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Read<'_> for bool {
    const WANTED: &'static str = "true or false";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }
}

impl Read<'_> for f64 {
    const WANTED: &'static str = "a number";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Unsigned(number) => Some(*number as f64),
            Value::Signed(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }
}

impl Read<'_> for f32 {
    const WANTED: &'static str = "a number";

    fn read(value: &Value) -> Option<Self> {
        f64::read(value).map(|number| number as f32)
    }
}

/// Integers, whatever integer they are stored as.
macro_rules! whole {
    ($($kind:ty: $wanted:literal),* $(,)?) => {$(
        impl Read<'_> for $kind {
            const WANTED: &'static str = $wanted;

            fn read(value: &Value) -> Option<Self> {
                match value {
                    Value::Unsigned(number) => (*number).try_into().ok(),
                    Value::Signed(number) => (*number).try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

whole!(u32: "a whole number from 0 on", u64: "a whole number from 0 on", i32: "a whole number");

/// Lists of what can be read itself.
macro_rules! lists {
    ($($kind:ty: $wanted:literal),* $(,)?) => {$(
        impl<'a> Read<'a> for Vec<$kind> {
            const WANTED: &'static str = $wanted;

            fn read(value: &'a Value) -> Option<Self> {
                match value {
                    Value::List(values) => values.iter().map(<$kind>::read).collect(),
                    _ => None,
                }
            }
        }
    )*};
}

lists!(
    &'a str: "a list of texts",
    bool: "a list of truth values",
    f32: "a list of numbers",
    u32: "a list of whole numbers from 0 on",
    i32: "a list of whole numbers",
);

/// One line, and not a long one.
fn brief(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => match text.char_indices().nth(60) {
            Some((end, _)) => format!("{:?}…", &text[..end]),
            None => format!("{text:?}"),
        },
        Value::List(values) => format!("a list of {}", values.len()),
    }
}
