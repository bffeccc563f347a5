package choreo

import "fmt"

// Cause is why a call failed; errors.Is finds it in an error.
type Cause uint8

// Causes, and which fields of Error hold their evidence.
const (
	UnknownMessage  Cause = iota // Message
	Lost                         // Message
	InvalidArgument              // What
	ContextOverflow              // What, Asked, Left
	CacheFull                    // What, Asked, Left
	OutOfBudget                  // What, Asked, Left
	Timeout                      // What, Asked, Left
	Label                        // Message
	Denied                       // What
	Unsupported                  // What
	Cancelled
	Engine // What
)

var causes = [...]string{
	"unknown message", "lost", "invalid argument", "context overflow", "cache full", "out of budget", "timeout",
	"label", "denied", "unsupported", "cancelled", "engine",
}

// Error names the cause.
func (cause Cause) Error() string {
	if int(cause) < len(causes) {
		return causes[cause]
	}
	return fmt.Sprintf("cause %d", uint8(cause))
}

// Error is a call that the host refused, or a lane that failed.
type Error struct {
	Cause       Cause
	Message     Message
	What        string
	Asked, Left uint64
	// Index of the call to blame in its list, where there is one.
	Call *int
}

// Unwrap is the cause.
func (err *Error) Unwrap() error { return err.Cause }

// Error is the error in words, one line.
func (err *Error) Error() string {
	if err.Call != nil {
		return fmt.Sprintf("call %d of the list: %s", *err.Call, err.words())
	}
	return err.words()
}

func (err *Error) words() string {
	switch err.Cause {
	case UnknownMessage:
		return fmt.Sprintf("message %d is not known to this run: name a message that was made here and not released",
			err.Message)
	case Lost:
		return fmt.Sprintf("message %d could not be encoded, so its descendants cannot: make it and them again",
			err.Message)
	case Label:
		return fmt.Sprintf("message %d carries a label that the call may not see: name the label in MaySee or leave "+
			"the parent out", err.Message)
	case ContextOverflow:
		return fmt.Sprintf("%s needs %d positions and the model has %d: see less or decode less",
			err.What, err.Asked, err.Left)
	case CacheFull:
		return fmt.Sprintf("%s needs room for %d tokens at once and the cache has %d: see fewer messages, or ask for "+
			"a larger cache", err.What, err.Asked, err.Left)
	case OutOfBudget:
		return fmt.Sprintf("the budget %s has %d left and the call needs %d: ask the operator for more",
			err.What, err.Left, err.Asked)
	case Timeout:
		return fmt.Sprintf("the time is over (%s: %d asked, %d left): ask the operator for more",
			err.What, err.Asked, err.Left)
	case InvalidArgument:
		return "invalid argument: " + err.What
	case Denied:
		return "denied by the operator: " + err.What
	case Unsupported:
		return "not supported by this host: " + err.What
	case Engine:
		return "engine: " + err.What
	}
	return err.Cause.Error()
}
