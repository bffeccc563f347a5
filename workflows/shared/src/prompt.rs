//! Prompts with places to fill.

/// The prompt with a value wherever it has `{name}`. A value is not filled in its
/// turn, and other braces stay as they are. White space at the end goes: a value
/// there may be empty.
///
/// ```
/// use plan_shared::fill;
///
/// let text = fill("{a}, {b} and {c}. {d}", &[("a", "{b}"), ("b", "2"), ("d", "")]);
/// assert_eq!(text, "{b}, 2 and {c}.");
/// ```
#[must_use]
pub fn fill(prompt: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once('{') {
        let named = after.split_once('}').and_then(|(name, after)| {
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, after))
        });
        let (value, left) = named.unwrap_or(("{", after));
        filled += before;
        filled += value;
        rest = left;
    }
    filled += rest;
    filled.truncate(filled.trim_end().len());
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_places_are_filled() {
        assert_eq!(fill("{{a}} {", &[("a", "1")]), "{1} {");
        assert_eq!(fill("{}{b", &[("a", "1")]), "{}{b");
    }
}
