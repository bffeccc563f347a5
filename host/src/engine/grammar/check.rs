//! Bounds of what is compiled: a hostile grammar costs little time and memory,
//! and what the library would get wrong is refused.

use llguidance::api::ParserLimits;
use serde_json::{Map, Value};

/// Bytes of a regular expression, or of all those of a schema: the library's own
/// limits count steps, and a step's cost grows with the expression.
const REGEX_BYTES: usize = 4096;

/// Bytes of a schema: what refers to one another in a chain is compiled by recursion.
const SCHEMA_BYTES: usize = 64 << 10;

/// Regular expressions of a schema in which several may concern one value: an
/// intersection's states are products.
const INTERSECTED: usize = 8;

/// Patterns of properties: each is compared with each.
const PROPERTY_PATTERNS: usize = 16;

/// Keywords that say nothing of a value.
const SILENT: [&str; 10] =
    ["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "type"];

/// States that count multiples: one a remainder of the least common multiple.
const REMAINDERS: u64 = 10_000;

/// Whole numbers that an f64 holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The library's limits.
pub(super) fn limits() -> ParserLimits {
    ParserLimits {
        max_items_in_row: 2000,
        initial_lexer_fuel: 200_000,
        step_lexer_fuel: 200_000,
        step_max_items: 50_000,
        max_lexer_states: 10_000,
        max_grammar_size: 200_000,
        precompute_large_lexemes: false,
        verbose_errors: false,
    }
}

pub(super) fn regex(regex: &str) -> Result<(), String> {
    at_most("bytes", regex.len(), REGEX_BYTES)
}

/// A schema, read.
pub(super) fn schema(text: &str) -> Result<Value, String> {
    at_most("bytes", text.len(), SCHEMA_BYTES)?;
    let schema = match serde_json::from_str(text) {
        Ok(Value::Bool(true)) => Value::Object(Map::new()),
        Ok(Value::Bool(false)) => return Err("is satisfied by no text: correct it".into()),
        Ok(schema @ Value::Object(_)) => schema,
        Ok(_) => return Err("is neither an object nor true or false: give a schema".into()),
        Err(error) => return Err(format!("is not JSON: {error}; correct it")),
    };
    let mut found = Found { multiple: 1, ..Found::default() };
    found.look(&schema)?;
    if found.intersects {
        at_most("patterns and formats, some of which may have to be intersected,", found.regexes, INTERSECTED)?;
    }
    Ok(schema)
}

/// What counts over a whole schema, since all of it may concern one value.
#[derive(Default)]
struct Found {
    /// Regular expressions.
    regexes: usize,
    /// Their bytes.
    bytes: usize,
    /// Those of properties' names.
    property_patterns: usize,
    /// Whether several schemas may concern one value.
    intersects: bool,
    /// Least common multiple of the numbers to be multiples of, in millionths.
    multiple: u64,
}

impl Found {
    fn look(&mut self, schema: &Value) -> Result<(), String> {
        match schema {
            Value::Object(members) => {
                let applies = ["$ref", "anyOf", "oneOf"].iter().any(|key| members.contains_key(*key));
                let speaking = members.keys().filter(|key| !SILENT.contains(&key.as_str())).count();
                self.intersects |= members.contains_key("allOf") || applies && speaking > 1;
                members.iter().try_for_each(|(key, value)| {
                    self.keyword(key, value)?;
                    self.look(value)
                })
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.look(item)),
            _ => Ok(()),
        }
    }

    fn keyword(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match (key, value) {
            ("pattern", Value::String(pattern)) => self.pattern(pattern),
            ("format", Value::String(_)) => {
                self.regexes += 1;
                Ok(())
            }
            ("patternProperties", Value::Object(patterns)) => {
                self.property_patterns += patterns.len();
                at_most("patterns of properties", self.property_patterns, PROPERTY_PATTERNS)?;
                patterns.keys().try_for_each(|pattern| self.pattern(pattern))
            }
            ("multipleOf", Value::Number(number)) => self.multiple_of(number.as_f64().unwrap_or_default()),
            ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum", Value::Number(number)) => {
                let bound = number.as_f64().unwrap_or(f64::INFINITY);
                if bound.abs() <= EXACT {
                    return Ok(());
                }
                Err(format!("has {key} {number}: give a number of at most {EXACT} either side of 0"))
            }
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), String> {
        self.regexes += 1;
        self.bytes += pattern.len();
        at_most("bytes of patterns", self.bytes, REGEX_BYTES)
    }

    fn multiple_of(&mut self, number: f64) -> Result<(), String> {
        let millionths = (number * 1e6).round();
        if !(1.0..=EXACT).contains(&millionths) || (millionths - number * 1e6).abs() > 1e-6 * millionths {
            return Err(format!("has multipleOf {number}: give a number above 0 with at most six decimals"));
        }
        let one = millionths as u64;
        let (mut divisor, mut rest) = (self.multiple, one);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        self.multiple = (self.multiple / divisor).saturating_mul(one);
        // As a whole number of the smallest decimals that it has.
        let mut remainders = self.multiple;
        for _ in 0..6 {
            if remainders.is_multiple_of(10) {
                remainders /= 10;
            }
        }
        if remainders > REMAINDERS {
            return Err(format!(
                "has multipleOf {number}, which makes {remainders} remainders to count, and at most {REMAINDERS} are allowed: give a smaller one"
            ));
        }
        Ok(())
    }
}

fn at_most(what: &str, found: usize, allowed: usize) -> Result<(), String> {
    if found > allowed {
        return Err(format!("has {found} {what}, and at most {allowed} are allowed: shorten it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::schema;

    fn refusal(text: &str) -> String {
        schema(text).map_or_else(|why| why, |schema| format!("served: {schema}"))
    }

    #[test]
    fn multiples_count_by_their_least_common_one() {
        let multiples = |numbers: &[&str]| {
            let one = |number: &&str| format!("{{\"multipleOf\":{number}}}");
            refusal(&format!("{{\"allOf\":[{}]}}", numbers.iter().map(one).collect::<Vec<_>>().join(",")))
        };
        for served in [&["0.01", "5", "1e2"][..], &["10000"], &["0.000001", "0.25"]] {
            assert!(multiples(served).starts_with("served"), "{served:?}: {}", multiples(served));
        }
        for (refused, why) in [
            (&["101", "103"][..], "makes 10403 remainders"),
            (&["1e7"], "remainders"),
            (&["0"], "above 0"),
            (&["1e-9"], "above 0"),
        ] {
            assert!(multiples(refused).contains(why), "{refused:?}: {}", multiples(refused));
        }
    }

    #[test]
    fn patterns_count_together() {
        let pattern = "a".repeat(2100);
        assert!(refusal(&format!("{{\"pattern\":\"{pattern}\"}}")).starts_with("served"));
        let twice = format!("{{\"pattern\":\"{pattern}\",\"items\":{{\"patternProperties\":{{\"{pattern}\":{{}}}}}}}}");
        assert!(refusal(&twice).contains("has 4200 bytes of patterns, and at most 4096"), "{}", refusal(&twice));
    }

    #[test]
    fn patterns_that_meet_are_few() {
        let patterns = |count: usize| vec!["{\"pattern\":\"a\"}"; count].join(",");
        let apart = |count| refusal(&format!("{{\"prefixItems\":[{}]}}", patterns(count)));
        let met = |count| refusal(&format!("{{\"allOf\":[{}]}}", patterns(count)));
        assert!(apart(50).starts_with("served") && met(8).starts_with("served"));
        assert!(met(9).contains("has 9 patterns and formats") && met(9).contains("at most 8"), "{}", met(9));
        let siblings = refusal(&format!("{{\"anyOf\":[{}],\"pattern\":\"b\"}}", patterns(8)));
        assert!(siblings.contains("has 9 patterns and formats"), "{siblings}");
    }
}
