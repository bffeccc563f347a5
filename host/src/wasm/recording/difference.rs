//! Where a plan parts from a recording, in one line.

use serde::Serialize;
use serde_json::Value;

use super::End;
use crate::wasm::log::start_of;

/// Bytes of a value that are shown.
const SHOWN: usize = 80;
/// Characters shown before the first that differs.
const BEFORE: usize = 20;

/// The first thing that is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::wasm) enum Difference {
    #[error("call {number}: the recording has {recorded}, the plan called {asked}")]
    Function { number: u64, recorded: String, asked: &'static str },
    #[error("call {number} ({function}) differs at {at}: the recording has {recorded}, the plan asked {asked}")]
    Argument { number: u64, function: &'static str, at: String, recorded: String, asked: String },
    #[error("call {number} ({function}): the recorded plan had ended ({end}), and this one goes on")]
    GoesOn { number: u64, function: &'static str, end: End },
    #[error("call {number}: the recording has {function}, the plan had ended ({end})")]
    EndsEarly { number: u64, function: String, end: End },
    #[error("the plan ended otherwise{at}: the recording has {recorded}, the plan {given}")]
    End { at: String, recorded: String, given: String },
    #[error(
        "call {number} ({function}): the recording ends before its answer, for its run was killed or still goes on"
    )]
    Cut { number: u64, function: &'static str },
    #[error(
        "the recording ends after {calls} calls without a result, for its run was killed or still goes on; the plan had ended ({end})"
    )]
    CutEnd { calls: u64, end: End },
    #[error("the recording is damaged at line {line}: {why}")]
    Damaged { line: u64, why: String },
    /// The recorded run was stopped here as well, for this reason.
    #[error("{0}")]
    None(String),
}

impl Difference {
    /// What is wrong, without the line's number.
    pub(super) fn why(self) -> String {
        match self {
            Self::Damaged { why, .. } => why,
            other => other.to_string(),
        }
    }

    /// How two ends differ, if they do.
    pub(super) fn of_ends(recorded: &End, given: &End) -> Option<Self> {
        if recorded == given {
            return None;
        }
        Some(match (recorded, given) {
            (End::Result(Ok(left)), End::Result(Ok(right)))
            | (End::Result(Err(left)), End::Result(Err(right)))
            | (End::Stopped(left), End::Stopped(right)) => {
                let (at, recorded, given) = texts(left, right);
                Self::End { at: format!(" at {at}"), recorded, given }
            }
            _ => Self::End { at: String::new(), recorded: whole(recorded), given: whole(given) },
        })
    }
}

/// An end, shown.
fn whole(end: &End) -> String {
    match end {
        End::Result(Ok(text)) => format!("the result {}", shown(&text.as_str().into())),
        End::Result(Err(text)) => format!("the error {}", shown(&text.as_str().into())),
        End::Stopped(line) => format!("stopped ({})", start_of(line, SHOWN)),
    }
}

/// A function of the contract and the names of its arguments, as `wait-any(pendings, until)`.
#[derive(Clone, Copy, Debug)]
pub(in crate::wasm) struct Function(pub(in crate::wasm) &'static str);

impl Function {
    /// Its name alone.
    pub(in crate::wasm) fn name(self) -> &'static str {
        self.0.split_once('(').map_or(self.0, |(name, _)| name)
    }

    /// Compares the arguments of a call, which JSON spells in one way only.
    pub(super) fn compare<A: Serialize>(self, number: u64, recorded: &A, asked: &A) -> Result<(), Difference> {
        let json = |arguments: &A| serde_json::to_string(arguments).unwrap_or_default();
        let (recorded, asked) = (json(recorded), json(asked));
        if recorded == asked {
            return Ok(());
        }
        let value = |json: &str| serde_json::from_str(json).unwrap_or(Value::Null);
        let (path, (at, recorded, asked)) = first(&value(&recorded), &value(&asked));
        let names: Vec<&str> = self.0.split(['(', ',', ')']).skip(1).map(str::trim).collect();
        let mut place = String::new();
        for (depth, step) in path.iter().enumerate() {
            match step {
                Step::Index(index) if depth == 0 => place.push_str(names.get(*index).copied().unwrap_or("arguments")),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
                Step::Field(field) => place.push_str(&format!(".{field}")),
            }
        }
        Err(Difference::Argument { number, function: self.name(), at: place + &at, recorded, asked })
    }
}

enum Step {
    Index(usize),
    Field(String),
}

/// The way to the first values that differ; what to say of them.
fn first(recorded: &Value, asked: &Value) -> (Vec<Step>, (String, String, String)) {
    let deeper = match (recorded, asked) {
        (Value::Array(left), Value::Array(right)) => {
            let index = left.iter().zip(right).position(|(left, right)| left != right);
            index.map(|index| (Step::Index(index), &left[index], &right[index]))
        }
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            let mut fields = left.iter().zip(right.values());
            fields
                .find(|((_, left), right)| left != right)
                .map(|((name, left), right)| (Step::Field(name.clone()), left, right))
        }
        _ => None,
    };
    if let Some((step, recorded, asked)) = deeper {
        let (mut path, said) = first(recorded, asked);
        path.insert(0, step);
        return (path, said);
    }
    let said = match (recorded, asked) {
        (Value::String(left), Value::String(right)) => {
            let (at, recorded, asked) = texts(left, right);
            (format!(", {at}"), recorded, asked)
        }
        (Value::Array(left), Value::Array(right)) => {
            (String::new(), format!("{} of them", left.len()), right.len().to_string())
        }
        _ => (String::new(), shown(recorded), shown(asked)),
    };
    (Vec::new(), said)
}

/// Where two texts part, and both of them from shortly before.
fn texts(recorded: &str, given: &str) -> (String, String, String) {
    let same = recorded.chars().zip(given.chars()).take_while(|(left, right)| left == right).count();
    let skip = same.saturating_sub(BEFORE);
    let from = |text: &str| {
        let rest: String = text.chars().skip(skip).collect();
        let cut = if skip > 0 { "…" } else { "" };
        format!("{cut}{}", shown(&rest.into()))
    };
    (format!("character {}", same + 1), from(recorded), from(given))
}

/// The beginning of a value's JSON, which is one line.
fn shown(value: &Value) -> String {
    let json = value.to_string();
    let start = start_of(&json, SHOWN);
    let cut = if start.len() < json.len() { "…" } else { "" };
    format!("{start}{cut}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(recorded: Value, asked: Value) -> String {
        let function = Function("prefill(calls, more)");
        function.compare(3, &recorded, &asked).unwrap_err().to_string()
    }

    #[test]
    fn the_first_difference_is_named() {
        let call = |text: &str, parents: &[u32]| json!({ "text": text, "view": { "parents": parents } });
        let said = line(json!([[call("a", &[1, 2])], 7]), json!([[call("a", &[1, 3])], 8]));
        let expected = "call 3 (prefill) differs at calls[0].view.parents[1]: the recording has 2, the plan asked 3";
        assert_eq!(said, expected);
        let said = line(json!([[call("a", &[1, 2])], 7]), json!([[call("a", &[1])], 8]));
        assert!(said.ends_with("calls[0].view.parents: the recording has 2 of them, the plan asked 1"), "{said}");
        let said = line(json!([[], 7]), json!([[], { "limit": 7 }]));
        assert!(said.ends_with("at more: the recording has 7, the plan asked {\"limit\":7}"), "{said}");
    }

    #[test]
    fn long_texts_are_shown_where_they_part() {
        let text = |end: &str| json!([format!("{}{end}{}", "é".repeat(100), "z".repeat(100))]);
        let said = line(text("\n"), text("b"));
        assert!(
            said.contains(&format!("at calls, character 101: the recording has …\"{}\\nzz", "é".repeat(20))),
            "{said}"
        );
        assert!(said.len() < 400 && !said.contains('\n'), "{said}");
    }
}
