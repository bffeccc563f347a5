//! A JSON object of which every key must be accounted for.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a JSON object.
    #[error("is not a JSON object ({0}): fetch the file again")]
    Json(String),
    /// A key that must be there.
    #[error("has no `{key}`: the decoder needs it")]
    Missing {
        /// Its name.
        key: String,
    },
    /// A value of a wrong kind or an impossible one.
    #[error("`{key}` is {found}; it must be {wanted}")]
    Invalid {
        /// Its name.
        key: String,
        /// What was there.
        found: String,
        /// What would do.
        wanted: String,
    },
    /// Something that the decoder does not do.
    #[error("`{key}` {found} is not supported, only {supported}: use another model")]
    Unsupported {
        /// Its name.
        key: String,
        /// What was there.
        found: String,
        /// What would do.
        supported: String,
    },
    /// Frequencies that change while a call grows.
    #[error(
        "`{key}` {found} is not supported, for its frequencies depend on the current length, \
         which would change cached keys: use another model"
    )]
    Growing {
        /// Its name.
        key: String,
        /// What was there.
        found: String,
    },
    /// A key that the decoder does not know, and that may change a result.
    #[error("has a key `{key}` ({found}), which is not supported: use another model")]
    Unknown {
        /// Its name.
        key: String,
        /// What was there.
        found: String,
    },
}

impl ConfigError {
    pub(super) fn unsupported(key: &str, found: &Value, supported: &str) -> Self {
        Self::Unsupported { key: key.into(), found: brief(found), supported: supported.into() }
    }
}

/// One line, and not a long one.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A JSON object whose keys are taken out one by one; `null` counts as absent,
/// but where it says more.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let map: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| ConfigError::Json(error.to_string()))?;
        Ok(Self(map))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    /// A whole number in range.
    fn whole(&mut self, key: &str, range: RangeInclusive<usize>) -> Result<usize, ConfigError> {
        let value = self.required(key)?;
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).ok_or_else(|| invalid(key, &value, &wanted()))
    }

    pub(super) fn whole_or(
        &mut self,
        key: &str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        if self.has(key) { self.whole(key, range) } else { Ok(default) }
    }

    /// A whole number from 1 to `largest`.
    pub(super) fn count(&mut self, key: &str, largest: usize) -> Result<usize, ConfigError> {
        self.whole(key, 1..=largest)
    }

    pub(super) fn count_or(&mut self, key: &str, default: usize, largest: usize) -> Result<usize, ConfigError> {
        if self.has(key) { self.count(key, largest) } else { Ok(default) }
    }

    /// A number of positions from 1 on; `null` is none, and absent the default.
    pub(super) fn window_or(&mut self, key: &str, default: Option<u32>) -> Result<Option<NonZeroU32>, ConfigError> {
        match self.0.remove(key) {
            None => Ok(default.and_then(NonZeroU32::new)),
            Some(Value::Null) => Ok(None),
            Some(value) => {
                let window = value.as_u64().and_then(|window| u32::try_from(window).ok()).and_then(NonZeroU32::new);
                window.map(Some).ok_or_else(|| invalid(key, &value, "a whole number from 1 on, or null"))
            }
        }
    }

    /// The first `len` entries of a list, each as `read` has it.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        len: usize,
        wanted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let entries = value.as_array().filter(|entries| entries.len() >= len);
        let entries = entries.and_then(|entries| entries[..len].iter().map(read).collect());
        let wanted = || format!("a list of at least {len}, each {wanted}");
        entries.map(Some).ok_or_else(|| invalid(key, &value, &wanted()))
    }

    /// A finite number above 0.
    pub(super) fn positive(&mut self, key: &str) -> Result<f64, ConfigError> {
        let value = self.required(key)?;
        value
            .as_f64()
            .filter(|number| number.is_finite() && *number > 0.0)
            .ok_or_else(|| invalid(key, &value, "a number above 0"))
    }

    pub(super) fn positive_or(&mut self, key: &str, default: f64) -> Result<f64, ConfigError> {
        if self.has(key) { self.positive(key) } else { Ok(default) }
    }

    pub(super) fn flag_or(&mut self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.take(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| invalid(key, &value, "true or false")),
        }
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Option<Self>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self(map))),
            Some(value) => Err(invalid(key, &value, "an object")),
        }
    }

    /// Takes a key that, where present, must have this value, given as JSON.
    pub(super) fn fixed(&mut self, key: &str, json: &str) -> Result<(), ConfigError> {
        let Some(found) = self.take(key) else {
            return Ok(());
        };
        let wanted: Option<Value> = serde_json::from_str(json).ok();
        let numbers = found.as_f64().zip(wanted.as_ref().and_then(Value::as_f64));
        let same = match numbers {
            // 1 and 1.0 are written alike.
            Some((found, wanted)) => found == wanted,
            None => Some(&found) == wanted.as_ref(),
        };
        if same { Ok(()) } else { Err(ConfigError::unsupported(key, &found, json)) }
    }

    /// Refuses what is left, but for the keys given.
    pub(super) fn finish(self, without_effect: &[&str]) -> Result<(), ConfigError> {
        let left = self.0.iter().find(|(key, value)| !value.is_null() && !without_effect.contains(&key.as_str()));
        match left {
            None => Ok(()),
            Some((key, value)) => Err(ConfigError::Unknown { key: key.clone(), found: brief(value) }),
        }
    }

    fn required(&mut self, key: &str) -> Result<Value, ConfigError> {
        self.take(key).ok_or_else(|| ConfigError::Missing { key: key.into() })
    }
}

fn invalid(key: &str, found: &Value, wanted: &str) -> ConfigError {
    ConfigError::Invalid { key: key.into(), found: brief(found), wanted: wanted.into() }
}
