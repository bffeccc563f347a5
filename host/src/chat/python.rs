//! The methods of Python's strings and dictionaries that chat templates call.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// Answers a method call that Jinja itself does not know.
pub(super) fn method(_state: &State<'_, '_>, value: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => on_string(value.as_str().unwrap_or_default(), name, arguments),
        ValueKind::Map => on_map(value, name, arguments),
        _ => Err(unknown(name)),
    }
}

fn on_string(text: &str, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let strings: Option<Vec<&str>> = arguments.iter().map(Value::as_str).collect();
    let strings = strings.ok_or_else(|| unknown(name))?;
    let of = |characters: &str| characters.chars().collect::<Vec<_>>();
    let value = match (name, strings.as_slice()) {
        ("strip", []) => text.trim().into(),
        ("strip", [characters]) => text.trim_matches(of(characters).as_slice()).into(),
        ("lstrip", []) => text.trim_start().into(),
        ("lstrip", [characters]) => text.trim_start_matches(of(characters).as_slice()).into(),
        ("rstrip", []) => text.trim_end().into(),
        ("rstrip", [characters]) => text.trim_end_matches(of(characters).as_slice()).into(),
        ("startswith", [start]) => text.starts_with(start).into(),
        ("endswith", [end]) => text.ends_with(end).into(),
        ("upper", []) => text.to_uppercase().into(),
        ("lower", []) => text.to_lowercase().into(),
        ("replace", [from, to]) => text.replace(from, to).into(),
        ("split", []) => text.split_whitespace().map(Value::from).collect(),
        ("split", [separator]) if !separator.is_empty() => text.split(separator).map(Value::from).collect(),
        _ => return Err(unknown(name)),
    };
    Ok(value)
}

fn on_map(map: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let pairs = || -> Result<Vec<(Value, Value)>, Error> {
        map.try_iter()?.map(|key| map.get_item(&key).map(|value| (key, value))).collect()
    };
    match (name, arguments) {
        ("keys", []) => Ok(map.try_iter()?.collect()),
        ("values", []) => Ok(pairs()?.into_iter().map(|(_, value)| value).collect()),
        ("items", []) => Ok(pairs()?.into_iter().map(|(key, value)| Value::from(vec![key, value])).collect()),
        ("get", [key, rest @ ..]) if rest.len() <= 1 => {
            let found = map.get_item(key)?;
            let default = rest.first().cloned().unwrap_or_else(|| Value::from(()));
            Ok(if found.is_undefined() { default } else { found })
        }
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::UnknownMethod, format!("no method `{name}` of these arguments"))
}
