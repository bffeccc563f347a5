//! What chat templates expect of Python: how transformers sets up Jinja for
//! them (`_compile_jinja_template` in its `chat_template_utils.py`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// What `strftime_now` says, whatever the day: what a message encodes must not
/// depend on when it is encoded. The fallback that Llama 3.1's template has.
pub(super) const DAY: &str = "26 July 2024";

/// It, by the directives of Python's `strftime`.
const DIRECTIVES: &[(&str, &str)] = &[
    ("%-d", "26"),
    ("%d", "26"),
    ("%-m", "7"),
    ("%m", "07"),
    ("%b", "Jul"),
    ("%B", "July"),
    ("%Y", "2024"),
    ("%y", "24"),
    ("%A", "Friday"),
    ("%a", "Fri"),
    ("%F", "2024-07-26"),
    ("%T", "00:00:00"),
    ("%H", "00"),
    ("%I", "12"),
    ("%M", "00"),
    ("%S", "00"),
    ("%p", "AM"),
    ("%z", "+0000"),
    ("%Z", "UTC"),
    ("%j", "208"),
    ("%%", "%"),
];

/// Gives templates the functions, filters and methods that they know from there;
/// what it returns becomes true when one asks for the day.
pub(super) fn prepare(environment: &mut Environment<'_>) -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    let asking = Arc::clone(&asked);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_test("iterable", iterable);
    environment.add_test("sequence", |value: &Value| iterable(value) && value.kind() != ValueKind::Iterable);
    environment.add_filter("tojson", to_json);
    environment.add_function("strftime_now", move |format: String| {
        asking.store(true, Ordering::Relaxed);
        day(&format)
    });
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    asked
}

/// Strings and what is undefined are, unlike none.
fn iterable(value: &Value) -> bool {
    use ValueKind::{Bytes, Iterable, Map, Seq, String, Undefined};
    matches!(value.kind(), Bytes | Iterable | Map | Seq | String | Undefined)
}

/// A template without the `generation` tags, which mark what the model wrote
/// and print nothing.
pub(super) fn without_generation_tags(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        text.push_str(before);
        let end = tag.find("%}").unwrap_or(tag.len());
        let (inside, after) = tag.split_at(end);
        let word = inside.trim_matches(|character: char| "-+".contains(character) || character.is_whitespace());
        let inside = match word {
            "generation" => inside.replace(word, "if true"),
            "endgeneration" => inside.replace(word, "endif"),
            _ => inside.to_owned(),
        };
        text.push_str(&inside);
        rest = after;
    }
    text + rest
}

fn day(format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(character) = rest.chars().next() {
        match DIRECTIVES.iter().find(|(directive, _)| rest.starts_with(directive)) {
            Some((directive, value)) => {
                text.push_str(value);
                rest = &rest[directive.len()..];
            }
            None => {
                text.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    text
}

/// Python's `json.dumps`, with the options that transformers' filter has.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent = match options.get::<Option<Value>>("indent")? {
        Some(indent) if !indent.is_none() => Some(usize::try_from(indent)?),
        _ => None,
    };
    let ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    let separators = options.get::<Option<Vec<String>>>("separators")?;
    options.assert_all_used()?;
    let mut value =
        serde_json::to_value(value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    if sorted {
        value.sort_all_objects();
    }
    let text = match indent {
        Some(indent) => write(&value, PrettyFormatter::with_indent(" ".repeat(indent).as_bytes())),
        None => {
            let [item, key] = separators.and_then(|both| both.try_into().ok()).unwrap_or([", ".into(), ": ".into()]);
            write(&value, Separated { item, key })
        }
    }?;
    Ok(Value::from(if ascii { escaped(&text) } else { text }))
}

fn write(value: &serde_json::Value, formatter: impl Formatter) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    written.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn escaped(text: &str) -> String {
    let mut units = [0; 2];
    let escape = |character: char| match character {
        character if character.is_ascii() => character.to_string(),
        _ => character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    text.chars().map(escape).collect()
}

/// JSON on one line.
struct Separated {
    item: String,
    key: String,
}

impl Separated {
    fn item<W: ?Sized + std::io::Write>(&self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item.as_bytes()) }
    }
}

impl Formatter for Separated {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(self.key.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> String {
        let mut environment = Environment::new();
        prepare(&mut environment);
        environment.add_template_owned("t", without_generation_tags(template)).unwrap();
        let context = minijinja::context! { text => "a\"<é>'\n", list => [1, 2], map => [("k", 1)] };
        environment.get_template("t").unwrap().render(context).unwrap()
    }

    #[test]
    fn json_is_python_s() {
        assert_eq!(rendered("{{ text | tojson }}"), "\"a\\\"<é>'\\n\"");
        assert_eq!(rendered("{{ text | tojson(ensure_ascii=true) }}"), "\"a\\\"<\\u00e9>'\\n\"");
        assert_eq!(rendered("{{ {'b': list, 'a': none} | tojson }}"), "{\"b\": [1, 2], \"a\": null}");
        assert_eq!(
            rendered("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}"),
            "{\"a\":2,\"b\":1}"
        );
        assert_eq!(rendered("{{ list | tojson(indent=2) }}"), "[\n  1,\n  2\n]");
    }

    #[test]
    fn the_day_is_always_the_same() {
        assert_eq!(rendered("{{ strftime_now('%d %B %Y, %A%%, %Q') }}"), "26 July 2024, Friday%, %Q");
    }

    #[test]
    fn generation_tags_print_nothing() {
        assert_eq!(
            rendered("a\n  {%- generation -%}\n b {% endgeneration %}\nc{% if true %}d{% endif %}"),
            "ab c"[..2].to_owned() + " cd"
        );
    }
}
