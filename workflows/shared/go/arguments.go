// Package shared is what plans in Go share, as workflows/shared has it for Rust:
// arguments, the problem, sampling, the transcript, what is read out of an answer.
package shared

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"choreo"
	"plans"
)

// Arguments are options that start with `--`, taken by their names, and words.
type Arguments struct {
	left  []string
	usage string
}

// NewArguments are a plan's arguments; usage names all it takes, in one line.
func NewArguments(args []string, usage string) *Arguments {
	return &Arguments{slices.Clone(args), usage}
}

// Flag says whether this option, which has no value, is there.
func (arguments *Arguments) Flag(name string) bool {
	at := slices.Index(arguments.left, name)
	if at >= 0 {
		arguments.left = slices.Delete(arguments.left, at, at+1)
	}
	return at >= 0
}

// value is the option's value, where it is there.
func (arguments *Arguments) value(name string) (value string, found bool, err error) {
	at := slices.Index(arguments.left, name)
	if at < 0 {
		return "", false, nil
	}
	if at+1 == len(arguments.left) {
		return "", false, fmt.Errorf("%s has no value: take %s", name, arguments.usage)
	}
	value = arguments.left[at+1]
	arguments.left = slices.Delete(arguments.left, at, at+2)
	return value, true, nil
}

// Number is the option's number, or usual.
func (arguments *Arguments) Number(name string, usual, least, most int) (int, error) {
	value, found, err := arguments.value(name)
	if err != nil || !found {
		return usual, err
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(value, "+"), 10, 31)
	if err != nil || int(number) < least || int(number) > most {
		return 0, fmt.Errorf("%s needs a number from %d to %d, not %q", name, least, most, value)
	}
	return int(number), nil
}

// Choice is the option's value, which must be one that is known, or the first of them.
func (arguments *Arguments) Choice(name string, known ...string) (string, error) {
	value, found, err := arguments.value(name)
	if err != nil || !found {
		return known[0], err
	}
	if !slices.Contains(known, value) {
		return "", fmt.Errorf("%s takes one of %s, not %q", name, strings.Join(known, ", "), value)
	}
	return value, nil
}

// word is the one word that is left, if any.
func (arguments *Arguments) word() (word string, found bool, err error) {
	for _, arg := range arguments.left {
		if strings.HasPrefix(arg, "--") {
			return "", false, fmt.Errorf("no option is called %s, or it stands twice: take %s", arg, arguments.usage)
		}
	}
	switch len(arguments.left) {
	case 0:
		return "", false, nil
	case 1:
		return arguments.left[0], true, nil
	}
	second := arguments.left[1]
	return "", false, fmt.Errorf("one text too many, %q: take %s, texts in quotes", second, arguments.usage)
}

// Sampling is the temperature and the length of a plan's decoded messages.
type Sampling struct {
	temperature float64
	maxTokens   int
}

// Sampling takes `--temperature T`, or this one, and `--max-tokens N`, or 256.
func (arguments *Arguments) Sampling(temperature float64) (Sampling, error) {
	value, found, err := arguments.value("--temperature")
	if err != nil {
		return Sampling{}, err
	}
	if found {
		temperature, err = strconv.ParseFloat(value, 32)
		if err != nil || !(temperature >= 0 && temperature <= 10) || strings.ContainsAny(value, "xX_") {
			return Sampling{}, fmt.Errorf("--temperature needs a number from 0 to 10, not %q", value)
		}
	}
	maxTokens, err := arguments.Number("--max-tokens", 256, 1, 1_000_000)
	return Sampling{temperature, maxTokens}, err
}

// Decode is a message to decode that starts with the header and sees these.
func (sampling Sampling) Decode(header string, parents []choreo.Parent) choreo.Decode {
	return choreo.Decode{
		Header:      header,
		Parents:     parents,
		Temperature: &sampling.temperature,
		MaxTokens:   &sampling.maxTokens,
	}
}

// Problem is a problem in words, and the right answer where it is known.
type Problem struct {
	Text     string
	Expected *string
}

// Problem takes the last: the one word that is left, or `--draw N`, the N-th of the
// held-out problems; the first where there is neither.
func (arguments *Arguments) Problem() (Problem, error) {
	drawn, isDrawn, err := arguments.value("--draw")
	if err != nil {
		return Problem{}, err
	}
	word, isWord, err := arguments.word()
	switch {
	case err != nil:
		return Problem{}, err
	case isWord && isDrawn:
		return Problem{}, fmt.Errorf("a problem and --draw: give one of them")
	case isWord:
		return Problem{Text: word}, nil
	case !isDrawn:
		drawn = "1"
	}
	heldOut := strings.Split(strings.TrimRight(plans.Problems, "\n"), "\n")
	number, err := strconv.ParseUint(strings.TrimPrefix(drawn, "+"), 10, 31)
	if err != nil || number < 1 || int(number) > len(heldOut) {
		return Problem{}, fmt.Errorf("--draw needs a number from 1 to %d, not %q", len(heldOut), drawn)
	}
	text, expected, _ := strings.Cut(heldOut[number-1], "\t")
	return Problem{text, &expected}, nil
}

// Instruction is a system's message that puts the problem where the prompt has
// `{problem}`.
func (problem Problem) Instruction(prompt string) (choreo.Message, error) {
	text := trimEnd(strings.ReplaceAll(prompt, "{problem}", problem.Text))
	return choreo.Prefill{Role: choreo.System, Text: text}.Send()
}
