//! Words, and whether a story has them.

/// Endings of a word that is still the same word.
const ENDINGS: [&str; 6] = ["", "s", "es", "d", "ed", "ing"];

/// The words of the arguments, each once; commas divide them too.
pub(crate) fn split(arguments: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in arguments.iter().flat_map(|argument| argument.split(',')) {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        if word.contains(char::is_alphanumeric) && !words.iter().any(|other| other.eq_ignore_ascii_case(&word)) {
            words.push(word);
        }
    }
    words
}

/// The words that the story does not have.
pub(crate) fn missing(story: &str, words: &[String]) -> Vec<String> {
    let story = format!(" {} ", plain(story));
    let has = |word: &String| ENDINGS.iter().any(|ending| story.contains(&format!(" {}{ending} ", plain(word))));
    words.iter().filter(|word| !has(word)).cloned().collect()
}

/// The text's words in lower case with single spaces between.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_are_given_apart_or_with_commas() {
        let found = split(&words(&["cat, drum", "rice", "Cat", " ice  cream ,", "-"]));
        assert_eq!(found, ["cat", "drum", "rice", "ice cream"]);
    }

    #[test]
    fn a_story_has_whole_words_in_their_endings() {
        let given = words(&["cat", "drum", "play", "ice cream", "rice"]);
        let story = "Drums! He played with a category of ice-cream.";
        assert_eq!(missing(story, &given), ["cat", "rice"]);
        assert!(missing("Cats like rice; play the drum, have ice cream.", &given).is_empty());
    }
}
