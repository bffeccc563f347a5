//! JSON that a model writes.

use serde_json::{Deserializer, Map, Value, json};

/// The first JSON object of a text, whatever stands around it.
///
/// ```
/// use plan_shared::object;
///
/// let object = object("So: {\"answer\":\"24\"} That is all.").unwrap();
/// assert_eq!(object["answer"], "24");
/// ```
#[must_use]
pub fn object(text: &str) -> Option<Map<String, Value>> {
    text.match_indices('{').find_map(|(at, _)| Deserializer::from_str(&text[at..]).into_iter().next()?.ok())
}

/// The object's field as a word: a string that is not empty, or a number.
#[must_use]
pub fn word(object: &Map<String, Value>, field: &str) -> Option<String> {
    let text = match object.get(field)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A schema of objects that have these fields, in this order, and no other.
#[must_use]
pub fn schema<const N: usize>(fields: [(&str, Value); N]) -> String {
    let required = fields.each_ref().map(|(name, _)| *name);
    let properties: Map<_, _> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required[..], "additionalProperties": false})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_in_other_text() {
        let found = |text: &str| object(text).map(|object| word(&object, "answer"));
        assert_eq!(found("{see} {\"answer\": 24}"), Some(Some("24".into())));
        assert_eq!(found("```json\n{\"answer\": \" 3 \"}\n```"), Some(Some("3".into())));
        assert_eq!(found("{\"answer\": \"\"}"), Some(None));
        assert_eq!(found("{\"answer\": [1]}"), Some(None));
        assert_eq!(found("{\"answer\": \"2"), None);
        assert_eq!(found("none"), None);
    }

    #[test]
    fn a_schema_names_its_fields_in_order() {
        let text = schema([("b", json!({"type": "boolean"})), ("a", json!({"enum": ["x"]}))]);
        let expected = "{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"boolean\"},\"a\":{\"enum\":[\"x\"]}},\
            \"required\":[\"b\",\"a\"],\"additionalProperties\":false}";
        assert_eq!(text, expected);
    }
}
