//! The topic and the two groups that a branch names.

/// The form that a branch has, as a regular expression: of these words, any number
/// in each group.
pub(crate) fn form(words: &[String]) -> String {
    let word = format!("({})", words.iter().map(|word| escaped(word)).collect::<Vec<_>>().join("|"));
    let group = format!("{word}(, {word}){{0,{}}}", words.len() - 1);
    format!("Topic: [^\\n]{{1,60}}\\nGroup 1: {group}\\nGroup 2: {group}")
}

/// The word with a backslash before what means something in a regular expression.
fn escaped(word: &str) -> String {
    let escape = |c: char| if r"\.+*?()|[]{}^$#&-~".contains(c) { format!("\\{c}") } else { c.to_string() };
    word.chars().map(escape).collect()
}

/// A branch.
#[derive(Debug, PartialEq)]
pub(crate) struct Groups {
    pub(crate) topic: String,
    /// All words, each in one group; none of the two is empty.
    pub(crate) words: [Vec<String>; 2],
}

impl Groups {
    /// What the text names of the words, two or more, and what had to be put right, if
    /// anything: a word counts where it is first named, one that is not named goes to
    /// the shorter group, and so does one of the other where a group is empty.
    pub(crate) fn of(text: &str, words: &[String]) -> (Self, Option<String>) {
        let mut groups = [named(text, "Group 1:", words), named(text, "Group 2:", words)];
        let [first, second] = &mut groups;
        second.retain(|word| !first.contains(word));
        let mut moved: Vec<String> =
            words.iter().filter(|word| !first.contains(word) && !second.contains(word)).cloned().collect();
        for word in moved.clone() {
            if first.len() <= second.len() { first.push(word) } else { second.push(word) }
        }
        for (empty, full) in [(0, 1), (1, 0)] {
            if groups[empty].is_empty() {
                let word = groups[full].remove(0);
                moved.push(word.clone());
                groups[empty].push(word);
            }
        }
        let topic = line(text, "Topic:").filter(|topic| !topic.is_empty()).unwrap_or("everyday life").to_owned();
        let repaired = format!("(put into the shorter group: {})", moved.join(", "));
        (Self { topic, words: groups }, (!moved.is_empty()).then_some(repaired))
    }
}

/// The words of ours that the line with this mark names, each once.
fn named(text: &str, mark: &str, words: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in line(text, mark).unwrap_or_default().split([',', ';']) {
        let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let known = words.iter().find(|word| bare(word) == bare(name));
        if let Some(word) = known.filter(|word| !found.contains(word)) {
            found.push(word.clone());
        }
    }
    found
}

/// What stands after the mark on the first line that has it.
fn line<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(mark)?;
    after.lines().next().map(|line| line.trim_matches(|c: char| c.is_whitespace() || c == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, topic: &str, groups: [&[&str]; 2], repaired: Option<&str>) {
        let words = ["cat", "rice", "drum"].map(str::to_owned);
        let (found, said) = Groups::of(text, &words);
        assert_eq!(found.topic, topic, "{text}");
        assert_eq!(found.words, groups.map(|group| group.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()));
        assert_eq!(said.as_deref(), repaired, "{text}");
    }

    #[test]
    fn a_branch_is_read() {
        check("Topic: market\nGroup 1: cat, rice\nGroup 2: drum", "market", [&["cat", "rice"], &["drum"]], None);
        let marked = "**Topic:** A market\n- **Group 1:** Drum; Cat.\n- **Group 2:** rice";
        check(marked, "A market", [&["drum", "cat"], &["rice"]], None);
    }

    #[test]
    fn a_bad_branch_is_put_right() {
        let put = |words: &str| format!("(put into the shorter group: {words})");
        let twice = "Topic: market\nGroup 1: cat, cat\nGroup 2: cat, dog";
        check(twice, "market", [&["cat", "drum"], &["rice"]], Some(&put("rice, drum")));
        check("none", "everyday life", [&["cat", "drum"], &["rice"]], Some(&put("cat, rice, drum")));
        let one = "Topic: x\nGroup 1: drum, rice, cat\nGroup 2: drum";
        check(one, "x", [&["rice", "cat"], &["drum"]], Some(&put("drum")));
    }

    #[test]
    fn the_form_is_a_regular_expression_of_the_words() {
        let words = ["cat", "C++"].map(str::to_owned);
        let word = r"(cat|C\+\+)";
        let group = format!("{word}(, {word}){{0,1}}");
        assert_eq!(form(&words), format!(r"Topic: [^\n]{{1,60}}\nGroup 1: {group}\nGroup 2: {group}"));
    }
}
