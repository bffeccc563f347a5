package choreo

import "fmt"

// Role is who speaks. Not set: the user prefills, the assistant decodes.
type Role uint8

// Roles. Raw adds no role and no end-of-message tokens.
const (
	System Role = iota + 1
	User
	Assistant
	Tool
	Raw
)

// or is the contract's number of the role, or of this one where none is set.
func (role Role) or(usual Role) uint8 {
	if role == 0 {
		role = usual
	}
	if role > Raw {
		panic(fmt.Sprintf("choreo: no role has the number %d", role))
	}
	return uint8(role - 1)
}

// Part is which part of a turn a message is.
type Part uint8

// Parts: messages with Open, Middle and Close that follow one another are one turn.
const (
	Whole Part = iota
	Open
	Middle
	Close
)

func (part Part) number() uint8 {
	if part > Close {
		panic(fmt.Sprintf("choreo: no part has the number %d", part))
	}
	return uint8(part)
}

// Parent is a message that a call sees, and where it stands in that call's view.
type Parent struct {
	ID Message
	// Position of its first token, in tokens. Not set: right after the end of the
	// parent before it; 0 for the first.
	Offset *int
	// Repair of the parent in its new company.
	Refresh *Refresh
}

// Refresh is how a parent is repaired: the zero value all of it.
type Refresh struct {
	// Its first tokens, this many.
	Link *int
	// The fraction of it that moves most.
	Blend *float64
}

// Seen is what can be a parent: a Message, a Parent, a *Decoded.
type Seen interface{ parent() Parent }

func (message Message) parent() Parent  { return Parent{ID: message} }
func (parent Parent) parent() Parent    { return parent }
func (decoded *Decoded) parent() Parent { return Parent{ID: decoded.ID} }

// At is the message as a parent whose first token stands at this offset, in tokens.
func (message Message) At(offset int) Parent { return Parent{ID: message, Offset: &offset} }

// After is a list of parents, one after another where they have no offset.
func After(seen ...Seen) []Parent { return AfterAll(seen) }

// AfterAll is the same of a slice of one type.
func AfterAll[S Seen](seen []S) []Parent {
	parents := make([]Parent, len(seen))
	for i, each := range seen {
		parents[i] = each.parent()
	}
	return parents
}

// View is what a call sees and where its own message stands.
type View struct {
	Parents []Parent
	// Position of the new message's first token. Not set: after the last parent.
	Offset *int
	// Labels that parents may carry. Nil: any.
	MaySee []string
	// Whether a parent with another label is encoded anew; otherwise the call fails.
	Reencode bool
}

// Prefill is a message with a given text; the user's, unless Role is set.
type Prefill struct {
	Role Role
	// The speaker's name, where the chat format has a place for it.
	Name   *string
	Part   Part
	Text   string
	Labels []string
	// What it sees; View has the rest.
	Parents []Parent
	View    View
}

// Decode is a message that the model writes; the assistant's, unless Role is set.
type Decode struct {
	Role Role
	Name *string
	Part Part
	// What the message starts with.
	Header  string
	Labels  []string
	Parents []Parent
	View    View

	// Options; what is not set is the operator's choice.
	MaxTokens         *int
	Temperature       *float64
	TopP              *float64
	TopK              *int
	MinP              *float64
	RepetitionPenalty *float64
	// Replaces the run's seed.
	Seed *uint32
	// Strings that end the message; they are not in its text.
	Stop []string
	// What the text must be, the header not counted.
	Constraint Constraint
	// How many alternatives to report for each token.
	TopLogprobs uint8
}

// Constraint is one of OneOf, Regex and JSONSchema.
type Constraint interface{ constraint() abiConstraint }

// OneOf is exactly one of these strings.
type OneOf []string

// Regex is what this regular expression matches as a whole.
type Regex string

// JSONSchema is compact JSON that is valid under this schema.
type JSONSchema string

// Score asks how likely candidates are; the assistant's, unless Role is set.
type Score struct {
	Role       Role
	Name       *string
	Header     string
	Parents    []Parent
	View       View
	Candidates []string
	// The end of message counts as part of each candidate.
	WithEnd bool
}

// Scored is the natural log of a candidate's probability, and its tokens.
type Scored struct {
	Logprob float64
	Tokens  int
}

// FinishKind is why a message ended.
type FinishKind uint8

// Why a message ended.
const (
	Prefilled FinishKind = iota
	End
	StopString
	Constrained
	Length
	WasCancelled
	BudgetRanOut
)

// Finish is why a message ended, and which stop string or budget it was.
type Finish struct {
	Kind       FinishKind
	StopString int
	Budget     string
}

// TokenLogprob is a token and the natural log of its probability.
type TokenLogprob struct {
	Token   uint32
	Bytes   []byte
	Logprob float64
}

// Logprobs are a generated token and its alternatives.
type Logprobs struct {
	Chosen TokenLogprob
	Top    []TokenLogprob
}

// Decoded is a message that the model wrote.
type Decoded struct {
	ID Message
	// Header included, role and end-of-message tokens not.
	Text   string
	Finish Finish
	// Number of generated tokens.
	Tokens   int
	Logprobs []Logprobs
}

// Description is what the host knows of a message.
type Description struct {
	Role   Role
	Name   *string
	Part   Part
	Tokens int
	Finish Finish
	Labels []string
	// As placed: every offset is set.
	Parents []Parent
	Offset  int
}
