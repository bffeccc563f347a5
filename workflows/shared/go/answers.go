package shared

import (
	"fmt"
	"strings"
	"unicode"

	"choreo"
)

func alphanumeric(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }

func trimEnd(text string) string { return strings.TrimRightFunc(text, unicode.IsSpace) }

// Answer is what a solution answers: what its last `\boxed{…}` holds, or else the
// first number after the last word "answer" that has one on its line.
func Answer(text string) (string, bool) {
	if box, found := boxed(text); found {
		if number, found := Number(box); found && !strings.ContainsFunc(box, unicode.IsLetter) {
			return number, true
		}
		return box, true
	}
	const mark = "answer"
	for at := len(text) - len(mark); at >= 0; at-- {
		if !strings.EqualFold(text[at:at+len(mark)], mark) {
			continue
		}
		after := strings.TrimLeftFunc(text[at+len(mark):], func(c rune) bool { return !alphanumeric(c) && c != '-' })
		line, _, _ := strings.Cut(after, "\n")
		if number, found := Number(line); found {
			return number, true
		}
	}
	return "", false
}

// boxed is what stands in the last `\boxed{…}`, inner braces included.
func boxed(text string) (string, bool) {
	const mark = `\boxed{`
	at := strings.LastIndex(text, mark)
	if at < 0 {
		return "", false
	}
	inside := text[at+len(mark):]
	depth := 1
	for end, c := range inside {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			return strings.TrimSpace(inside[:end]), true
		}
	}
	return "", false
}

// Number is the first number of a text, without what groups its digits and without
// zeros at a fraction's end.
func Number(text string) (string, bool) {
	start := strings.IndexAny(text, "0123456789")
	if start < 0 {
		return "", false
	}
	var found strings.Builder
	before, minus := strings.CutSuffix(text[:start], "-")
	if minus && !endsAlphanumeric(before) {
		found.WriteByte('-')
	}
	rest := text[start:]
	digits := func(from, to int) bool {
		return to <= len(rest) && strings.Trim(rest[from:to], "0123456789") == ""
	}
	fraction := byte(0)
scan:
	for at := 0; at < len(rest); at++ {
		switch c := rest[at]; {
		case '0' <= c && c <= '9':
			found.WriteByte(c)
		case c == ',' && digits(at+1, at+4) && !digits(at+4, at+5):
		case (c == '.' || c == '/') && digits(at+1, at+2) && fraction == 0:
			fraction = c
			found.WriteByte(c)
		default:
			break scan
		}
	}
	number := found.String()
	if fraction == '.' {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number, true
}

func endsAlphanumeric(text string) bool {
	return len(strings.TrimRightFunc(text, alphanumeric)) < len(text)
}

// Majority is the vote that most gave, of equals the first given, and how many did.
func Majority[T comparable](votes []T) (winner T, most int) {
	counts := map[T]int{}
	for _, vote := range votes {
		counts[vote]++
	}
	for _, vote := range votes {
		if counts[vote] > most {
			winner, most = vote, counts[vote]
		}
	}
	return winner, most
}

// Transcript is what a plan returns: who said what, and what came of it.
type Transcript struct{ text strings.Builder }

// Transcript is the transcript of work on the problem.
func (problem Problem) Transcript() *Transcript {
	transcript := &Transcript{}
	transcript.Line("Problem: " + problem.Text)
	return transcript
}

// Line adds a line, or several.
func (transcript *Transcript) Line(text string) {
	transcript.text.WriteString(text + "\n")
}

// Section starts a section.
func (transcript *Transcript) Section(title string) { transcript.Line("\n== " + title) }

// Turns adds the texts of these messages.
func (transcript *Transcript) Turns(turns ...*choreo.Decoded) {
	for _, turn := range turns {
		transcript.Line(turn.Text)
	}
}

// Answered ends with the answer to the problem (empty: none), how it came about, and
// whether it is the expected one, where that is known: the whole text.
func (transcript *Transcript) Answered(problem Problem, answer, how string) string {
	said := answer
	if said == "" {
		said = "none"
	}
	transcript.Line(fmt.Sprintf("\nAnswer: %s (%s)", said, how))
	if problem.Expected != nil {
		verdict := "wrong"
		if answer == *problem.Expected {
			verdict = "right"
		}
		transcript.Line(fmt.Sprintf("Expected: %s (%s)", *problem.Expected, verdict))
	}
	return trimEnd(transcript.text.String())
}
