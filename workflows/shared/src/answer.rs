//! The answer of a solution.

/// What a solution answers: what its last `\boxed{…}` holds, or else the first
/// number after the last word "answer" that has one on its line. Numbers are
/// written in one way: `1,200.50` as `1200.5`.
///
/// ```
/// use plan_shared::answer;
///
/// assert_eq!(answer("18 * 2 = 36. Answer: 36"), Some("36".into()));
/// assert_eq!(answer("Thus the **answer** is $1,200.50."), Some("1200.5".into()));
/// assert_eq!(answer(r"It is \boxed{x + 1}."), Some("x + 1".into()));
/// assert_eq!(answer("18 * 2 = 36."), None);
/// ```
#[must_use]
pub fn answer(text: &str) -> Option<String> {
    if let Some(boxed) = boxed(text) {
        return number(boxed).filter(|_| !boxed.contains(char::is_alphabetic)).or_else(|| Some(boxed.to_owned()));
    }
    let lower = text.to_ascii_lowercase();
    lower.rmatch_indices("answer").find_map(|(at, mark)| {
        let after = &text[at + mark.len()..];
        let after = after.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
        number(after.lines().next()?)
    })
}

/// The first number of a text, without what groups its digits and without zeros
/// at a fraction's end.
///
/// ```
/// use plan_shared::number;
///
/// assert_eq!(number("24 apples, or 25"), Some("24".into()));
/// assert_eq!(number("about -1,200.50"), Some("-1200.5".into()));
/// assert_eq!(number("20-8, 3/4"), Some("20".into()));
/// ```
#[must_use]
pub fn number(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let before = &text[..start];
    let negative = before.strip_suffix('-').is_some_and(|before| !before.ends_with(char::is_alphanumeric));
    let mut found = String::from(if negative { "-" } else { "" });
    let bytes = &text.as_bytes()[start..];
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|some| some.iter().all(u8::is_ascii_digit));
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => found.push(char::from(byte)),
            b',' if digits(at + 1..at + 4) && !digits(at + 4..at + 5) => {}
            b'.' | b'/' if digits(at + 1..at + 2) && !found.contains(['.', '/']) => found.push(char::from(byte)),
            _ => break,
        }
    }
    if found.contains('.') {
        found.truncate(found.trim_end_matches('0').trim_end_matches('.').len());
    }
    Some(found)
}

/// What stands in the last `\boxed{…}`, inner braces included.
fn boxed(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once(r"\boxed{")?;
    let mut depth = 1;
    let end = after.find(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    })?;
    Some(after[..end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(answer(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_answer_is_the_number_after_the_last_mark() {
        check("Answer: 3. No: Answer: 31.", Some("31"));
        check("Answer:7", Some("7"));
        check("Answer: none", None);
        check("31", None);
        check("Answer: 5. That is my answer.", Some("5"));
        check("**Answer:**\n\n24 coins", Some("24"));
        check("The answer is unknown.\n12 is a guess.", None);
        check("Ändert: the ANSWER is -3.", Some("-3"));
    }

    #[test]
    fn a_box_holds_the_answer() {
        check(r"answer 3: \boxed{\frac{1}{2}}", Some(r"\frac{1}{2}"));
        check(r"\boxed{1,000}", Some("1000"));
        check(r"\boxed{12", None);
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        let check = |text: &str, expected: &str| assert_eq!(number(text).unwrap(), expected, "{text}");
        check("24.00", "24");
        check("24. And 3", "24");
        check("1,234,567.25", "1234567.25");
        check("1,2,3", "1");
        check("3/4", "3/4");
        check("5-3", "5");
        assert_eq!(number("none"), None);
    }
}
