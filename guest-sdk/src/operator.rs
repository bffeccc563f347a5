//! What the operator grants, and what the operator is told.

use crate::generated::choreo::host::{choreo as contract, log as contract_log};
use crate::{Budget, Error, Level, ModelInfo, Part, Role};

/// What is left of every limited thing.
#[must_use]
pub fn remaining() -> Vec<Budget> {
    contract::remaining()
}

/// Lowers the limit of the thing that [`remaining`] calls `name` to `left`.
///
/// # Errors
/// The host's: the name is unknown, or the limit would rise.
pub fn limit(name: impl Into<String>, left: u64) -> Result<(), Error> {
    let name = name.into();
    Ok(contract::limit(&Budget { name, left })?)
}

/// The model's name, its context in tokens, and the roles it knows.
#[must_use]
pub fn model() -> ModelInfo {
    contract::model()
}

/// Tokens that prefilling each text would add, role and end-of-message included.
///
/// # Errors
/// The host's: the role is not one of the model's.
pub fn count_tokens(
    role: Role,
    part: Part,
    texts: impl IntoIterator<Item = impl Into<String>>,
) -> Result<Vec<u32>, Error> {
    let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
    Ok(contract::count_tokens(role, part, &texts)?)
}

/// Writes to the run's log. The host bounds lines and their number.
pub fn log(level: Level, text: &str) {
    contract_log::log(level, text);
}
