// Package choreo is what the author of a choreo plan in Go imports.
//
// A plan is a WebAssembly component that says which messages a language model
// reads and writes, and which earlier messages each of them sees: its parents.
// [Prefill] adds a message with a given text, [Decode] lets the model write one.
// A call is a struct; fields that are not set have the contract's defaults, and
// options are pointers, as in `Temperature: new(0.7)`.
//
// A list of calls, [DecodeAll], is decoded in parallel, and so are calls that
// goroutines send at the same time. What each call means is in wit/choreo.wit, and
// every name here is that file's. README.md starts from nothing.
package choreo

import (
	"fmt"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode/utf8"
)

// Message is a message of this run: its number, from 1.
type Message uint32

// plan is what the component exports.
var plan func(args []string) (string, error)

// Plan makes a function the plan that this component exports; call it in an init
// function. Its text is the run's output, its error the run's error. A panic ends
// the run with an error that names the line; what it printed is the whole trace.
func Plan(run func(args []string) (string, error)) { plan = run }

// outcome runs the plan.
func outcome(args []string) (text string, err error) {
	defer func() {
		if value := recover(); value != nil {
			os.Stderr.Write(debug.Stack())
			text, err = "", fmt.Errorf("%spanic: %v", panicked(), value)
		}
	}()
	if plan == nil {
		return "", fmt.Errorf("there is no plan: call choreo.Plan in an init function")
	}
	text, err = plan(args)
	if err == nil && !utf8.ValidString(text) {
		err = fmt.Errorf("the plan's output is not UTF-8: %+.60q", text)
	}
	return text, err
}

// panicked is where the panic that is being recovered from arose: the innermost
// line outside of Go's runtime and this package.
func panicked() string {
	counters := make([]uintptr, 64)
	frames := runtime.CallersFrames(counters[:runtime.Callers(3, counters)])
	for {
		frame, more := frames.Next()
		own := strings.HasPrefix(frame.Function, "runtime.") || strings.HasPrefix(frame.Function, "choreo.")
		if !own && frame.File != "" {
			return fmt.Sprintf("%s:%d: ", path.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}

// Log writes to the run's log. The host bounds lines and their number.
func Log(level Level, text string) {
	defer enter()()
	lent := lendText(strings.ToValidUTF8(text, "\uFFFD"))
	hostLog(uint32(min(level, LevelError)), lent.address, lent.length)
}

// Level is how important a line of the log is.
type Level uint8

// Levels of the log.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Budget is what is left of one limited thing.
type Budget struct {
	Name string
	Left uint64
}

// Remaining is what is left of every limited thing.
func Remaining() []Budget {
	defer enter()()
	hostRemaining(answer())
	return list(at[abiList](area()), func(budget *abiBudget) Budget {
		return Budget{budget.name.text(), budget.left}
	})
}

// Limit lowers the limit of the thing that Remaining calls name.
func Limit(name string, left uint64) error {
	defer enter()()
	lent := lendText(name)
	hostLimit(lent.address, lent.length, left, answer())
	return failure()
}

// ModelInfo is what a plan may know of the model.
type ModelInfo struct {
	Name string
	// Tokens that a call may see and write.
	Context int
	Roles   []Role
}

// Model is the model that this run uses.
func Model() ModelInfo {
	defer enter()()
	hostModel(answer())
	found := at[abiModel](area())
	roles := list(&found.roles, func(role *uint8) Role { return Role(*role + 1) })
	return ModelInfo{found.name.text(), int(found.context), roles}
}

// CountTokens says how many tokens prefilling each text would add.
func CountTokens(role Role, part Part, texts ...string) ([]int, error) {
	defer enter()()
	lent := lendTexts(texts)
	hostCountTokens(uint32(role.or(User)), uint32(part.number()), lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), func(tokens *uint32) int { return int(*tokens) }), nil
}
