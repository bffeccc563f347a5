//! Two texts side by side.

use crate::wasm::printable;

/// Characters of a column.
const WIDTH: usize = 56;

/// The lines of two texts beside each other, each with its heading.
pub(super) fn by_side(headings: [&str; 2], texts: [&str; 2]) -> String {
    let [left, right] = texts.map(lines);
    let mut all = format!("  {:WIDTH$} | {}\n", headings[0], headings[1]);
    for line in 0..left.len().max(right.len()) {
        let [left, right] = [&left, &right].map(|lines| lines.get(line).map_or("", String::as_str));
        let mark = if left == right { ' ' } else { '|' };
        let both = format!("  {left:WIDTH$} {mark} {right}");
        all += both.trim_end();
        all.push('\n');
    }
    all
}

/// A text's lines, long ones cut.
fn lines(text: &str) -> Vec<String> {
    let cut = |line: &str| -> Vec<String> {
        let characters: Vec<char> = printable(line).chars().collect();
        let pieces = characters.chunks(WIDTH).map(|piece| piece.iter().collect());
        if characters.is_empty() { vec![String::new()] } else { pieces.collect() }
    };
    text.lines().flat_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_marked() {
        let long = "x".repeat(WIDTH + 2);
        let text = by_side(["one", "two"], [&format!("same\n{long}"), "same\nother\n\nmore"]);
        let lines: Vec<&str> = text.lines().collect();
        let pad = |text: &str| format!("  {text:WIDTH$}");
        assert_eq!(lines[0], format!("{} | two", pad("one")));
        assert_eq!(lines[1], format!("{}   same", pad("same")));
        assert_eq!(lines[2], format!("{} | other", pad(&long[..WIDTH])));
        assert_eq!(lines[3], format!("{} |", pad("xx")));
        assert_eq!(lines[4], format!("{} | more", pad("")));
    }
}
