package choreo

import (
	"io"
	"iter"
	"runtime"
	"time"
)

// Send adds the message. Its encoding may happen later.
func (call Prefill) Send() (Message, error) {
	messages, err := PrefillAll(call)
	return only(messages, err)
}

// PrefillAll adds messages that do not see one another: all of them, or none.
func PrefillAll(calls ...Prefill) ([]Message, error) {
	defer enter()()
	lent := lend(calls, lendPrefill)
	hostPrefill(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), func(id *Message) Message { return *id }), nil
}

// Lane is the outcome of one call of a list.
type Lane struct {
	Decoded *Decoded
	Err     error
}

// DecodeEach generates messages in parallel, each with an outcome of its own.
func DecodeEach(calls ...Decode) ([]Lane, error) {
	defer enter()()
	lent := lend(calls, lendDecode)
	hostDecode(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	lanes := list(at[abiList](payload()), (*abiLane).lane)
	for i, lane := range lanes {
		if failed, ok := lane.Err.(*Error); ok {
			failed.Call = &i
		}
	}
	return lanes, nil
}

// DecodeAll generates messages in parallel, all of them or an error.
func DecodeAll(calls ...Decode) ([]*Decoded, error) {
	lanes, err := DecodeEach(calls...)
	if err != nil {
		return nil, err
	}
	decoded := make([]*Decoded, len(lanes))
	for i, lane := range lanes {
		if lane.Err != nil {
			return nil, lane.Err
		}
		decoded[i] = lane.Decoded
	}
	return decoded, nil
}

// Send generates the message and waits for it. Other goroutines go on meanwhile,
// and what they send is generated beside it.
func (call Decode) Send() (*Decoded, error) {
	if runtime.NumGoroutine() <= alone {
		decoded, err := DecodeAll(call)
		return only(decoded, err)
	}
	return together(call)
}

// Start starts generating the message and returns at once.
func (call Decode) Start() (*Pending, error) {
	pendings, err := StartAll(call)
	return only(pendings, err)
}

// Pending is a message being decoded.
type Pending struct{ handle uint32 }

// StartAll starts generating messages in parallel and returns at once.
func StartAll(calls ...Decode) ([]*Pending, error) {
	defer enter()()
	lent := lend(calls, lendDecode)
	hostStartDecode(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), func(handle *uint32) *Pending { return &Pending{*handle} }), nil
}

// Read is new text since the last read, cut at whole characters, or io.EOF. The
// header comes with the first of it. All goroutines wait meanwhile; with WaitAny
// and Finish none does more than it must.
func (pending *Pending) Read() (string, error) {
	defer enter()()
	hostRead(pending.handle, answer())
	if err := failure(); err != nil {
		return "", err
	}
	piece := at[abiOptionText](payload())
	if piece.some == 0 {
		return "", io.EOF
	}
	return piece.value.text(), nil
}

// Pieces are all that Read gives before io.EOF.
func (pending *Pending) Pieces() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			piece, err := pending.Read()
			if err == io.EOF || !yield(piece, err) || err != nil {
				return
			}
		}
	}
}

// Finish waits until the message is finished. Afterwards, the same again.
func (pending *Pending) Finish() (*Decoded, error) { return pending.end(hostFinish) }

// Cancel ends the message now and keeps what it has.
func (pending *Pending) Cancel() (*Decoded, error) { return pending.end(hostCancel) }

func (pending *Pending) end(host func(uint32, uint32)) (*Decoded, error) {
	defer enter()()
	host(pending.handle, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return at[abiDecoded](payload()).decoded(), nil
}

// Drop cancels the message, unless it is finished, and must come last. A message that
// neither Finish nor Cancel has given then has no number.
func (pending *Pending) Drop() {
	defer enter()()
	hostDrop(pending.handle)
}

// Until is what WaitAny waits for.
type Until uint8

// New text (or the end), or the end.
const (
	UntilText Until = iota
	UntilFinished
)

// NoTimeout is the time-out of a wait without one.
const NoTimeout time.Duration = -1

// WaitAny waits until at least one has new text or is finished, or the time (in
// whole milliseconds) is over: the indexes of all that have, ascending.
func WaitAny(pendings []*Pending, until Until, timeout time.Duration) ([]int, error) {
	defer enter()()
	lent := lend(pendings, func(pending *Pending) uint32 { return pending.handle })
	limited := uint32(1)
	if timeout < 0 {
		limited = 0
	}
	milliseconds := uint32(min(max(timeout.Milliseconds(), 0), 1<<32-1))
	hostWaitAny(lent.address, lent.count, uint32(until), limited, milliseconds, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), func(index *uint32) int { return int(*index) }), nil
}

// Send scores the candidates, in their order. Leaves no message behind.
func (call Score) Send() ([]Scored, error) {
	scored, err := ScoreAll(call)
	return only(scored, err)
}

// ScoreAll scores the candidates of several calls; for each call, theirs in order.
func ScoreAll(calls ...Score) ([][]Scored, error) {
	defer enter()()
	lent := lend(calls, lendScore)
	hostScore(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), func(scores *abiList) []Scored {
		return list(scores, func(scored *abiScored) Scored { return Scored{scored.logprob, int(scored.tokens)} })
	}), nil
}

// Text is the message's text, header included, role and end-of-message tokens not.
func (message Message) Text() (string, error) {
	texts, err := Texts(message)
	return only(texts, err)
}

// Texts are the messages' texts, in their order.
func Texts(messages ...Message) ([]string, error) {
	defer enter()()
	lent := lendMessages(messages)
	hostText(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), (*abiText).text), nil
}

// Describe is what the host knows of the message.
func (message Message) Describe() (Description, error) {
	descriptions, err := Describe(message)
	return only(descriptions, err)
}

// Describe is what the host knows of the messages, in their order.
func Describe(messages ...Message) ([]Description, error) {
	defer enter()()
	lent := lendMessages(messages)
	hostDescribe(lent.address, lent.count, answer())
	if err := failure(); err != nil {
		return nil, err
	}
	return list(at[abiList](payload()), (*abiDescription).description), nil
}

// Release gives the message's room back; its number becomes unknown.
func (message Message) Release() error { return Release(message) }

// Release gives the messages' room back; their numbers become unknown.
func Release(messages ...Message) error {
	defer enter()()
	lent := lendMessages(messages)
	hostRelease(lent.address, lent.count, answer())
	return failure()
}

// only is the only answer to a list of one call.
func only[T any](answers []T, err error) (T, error) {
	if err == nil && len(answers) != 1 {
		err = &Error{Cause: Engine, What: "one answer asked, another number given: report it to the operator"}
	}
	if err != nil {
		var none T
		return none, err
	}
	return answers[0], nil
}
