//! What a plan returns: who said what, and what came of it.

use choreo_guest::Decoded;

use crate::Problem;

/// A text that grows by sections.
#[derive(Clone, Debug, Default)]
pub struct Transcript(String);

impl Transcript {
    /// A transcript that starts with this line.
    #[must_use]
    pub fn new(first: &str) -> Self {
        Self(format!("{first}\n"))
    }

    /// The transcript of work on a problem.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        Self::new(&format!("Problem: {}", problem.text))
    }

    /// Starts a section.
    pub fn section(&mut self, title: &str) {
        self.line(&format!("\n== {title}"));
    }

    /// A line, or several.
    pub fn line(&mut self, text: &str) {
        self.0 += text;
        self.0 += "\n";
    }

    /// A section of the texts of these messages.
    pub fn turns(&mut self, title: &str, turns: &[Decoded]) {
        self.section(title);
        for turn in turns {
            self.line(&turn.text);
        }
    }

    /// Ends with the answer to the problem, how it came about, and whether it is
    /// the expected one, where that is known.
    #[must_use]
    pub fn answered(mut self, problem: &Problem, answer: Option<&str>, how: &str) -> String {
        let said = answer.unwrap_or("none");
        self.line(&format!("\nAnswer: {said} ({how})"));
        if let Some(expected) = &problem.expected {
            let verdict = if answer == Some(expected) { "right" } else { "wrong" };
            self.line(&format!("Expected: {expected} ({verdict})"));
        }
        self.end()
    }

    /// The whole text.
    #[must_use]
    pub fn end(self) -> String {
        self.0.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_ends_with_the_outcome() {
        let mut problem = Problem { text: "How many?".into(), expected: Some("24".into()) };
        let transcript = |problem: &Problem, answer| {
            let mut transcript = Transcript::of(problem);
            transcript.section("Answers");
            transcript.line("24");
            transcript.answered(problem, answer, "2 of 3 agents")
        };
        let start = "Problem: How many?\n\n== Answers\n24\n\n";
        let end = "Answer: 24 (2 of 3 agents)\nExpected: 24 (right)";
        assert_eq!(transcript(&problem, Some("24")), format!("{start}{end}"));
        let end = "Answer: none (2 of 3 agents)\nExpected: 24 (wrong)";
        assert_eq!(transcript(&problem, None), format!("{start}{end}"));
        problem.expected = None;
        assert_eq!(transcript(&problem, None), format!("{start}Answer: none (2 of 3 agents)"));
    }
}
