package choreo

import (
	"runtime"
	"runtime/debug"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// The contract's records as the component model lays them out in memory. Addresses
// have 4 bytes there; Go's own pointers have 8 on this platform.

type (
	abiText     struct{ address, length uint32 }
	abiList     struct{ address, count uint32 }
	abiOption32 struct {
		some  uint8
		value uint32
	}
	abiOptionFloat struct {
		some  uint8
		value float32
	}
	abiOptionText struct {
		some  uint8
		value abiText
	}
	abiOptionList struct {
		some  uint8
		value abiList
	}
	abiRefresh struct {
		kind  uint8
		value uint32
	}
	abiParent struct {
		id      uint32
		offset  abiOption32
		some    uint8
		refresh abiRefresh
	}
	abiView struct {
		parents     abiList
		offset      abiOption32
		maySee      abiOptionList
		onViolation uint8
	}
	abiPrefill struct {
		role   uint8
		name   abiOptionText
		part   uint8
		text   abiText
		labels abiList
		view   abiView
	}
	abiConstraint struct {
		kind  uint8
		value abiText
	}
	abiDecode struct {
		role              uint8
		name              abiOptionText
		part              uint8
		header            abiText
		labels            abiList
		view              abiView
		maxTokens         abiOption32
		temperature       abiOptionFloat
		topP              abiOptionFloat
		topK              abiOption32
		minP              abiOptionFloat
		repetitionPenalty abiOptionFloat
		seed              abiOption32
		stop              abiList
		constrained       uint8
		constraint        abiConstraint
		topLogprobs       uint8
	}
	abiScore struct {
		role       uint8
		name       abiOptionText
		header     abiText
		view       abiView
		candidates abiList
		withEnd    uint8
	}
	abiFinish struct {
		kind  uint8
		value abiText
	}
	abiTokenLogprob struct {
		token   uint32
		bytes   abiText
		logprob float32
	}
	abiLogprobs struct {
		chosen abiTokenLogprob
		top    abiList
	}
	abiDecoded struct {
		id       uint32
		text     abiText
		finish   abiFinish
		tokens   uint32
		logprobs abiList
	}
	abiDescription struct {
		role    uint8
		name    abiOptionText
		part    uint8
		tokens  uint32
		finish  abiFinish
		labels  abiList
		parents abiList
		offset  uint32
	}
	abiError struct {
		cause uint8
		_     [7]byte
		// Or a message's number.
		what        abiText
		asked, left uint64
		call        abiOption32
	}
	// A result; the payload is the error, or what stands in its place.
	abiResult struct {
		failed uint8
		_      [7]byte
		err    abiError
	}
	abiLane   abiResult
	abiScored struct {
		logprob float64
		tokens  uint32
	}
	abiBudget struct {
		name abiText
		left uint64
	}
	abiModel struct {
		name    abiText
		context uint32
		roles   abiList
	}
)

var (
	// busy from what a call lends to what it returns: memory that is taken meanwhile
	// may let another goroutine run, which has to wait before it asks in turn.
	busy bool
	// collector is how the collector is set where it is on. It is off while the host
	// writes an answer, for that has Go give memory, and until it has it no import may
	// be called: another goroutine that the collector lets run might print.
	collector int
	// held keeps what the host reads and what it wrote where it is.
	held []unsafe.Pointer
	// returned is where the host writes its answers.
	returned abiResult
)

// enter waits until the host can be asked, and returns what ends the call.
func enter() func() {
	for busy {
		runtime.Gosched()
	}
	busy = true
	return leave
}

func leave() {
	clear(held)
	held = held[:0]
	busy = false
}

func hold(pointer unsafe.Pointer) uint32 {
	held = append(held, pointer)
	return uint32(uintptr(pointer))
}

func address(text string) uint32 { return hold(unsafe.Pointer(unsafe.StringData(text))) }

// at is what the host wrote at an address.
func at[T any](address uint32) *T { return (*T)(unsafe.Add(nil, uintptr(address))) }

// answer is where the host is to write its answer, at once: what is being collected
// comes to its end here.
func answer() uint32 {
	collector = debug.SetGCPercent(-1)
	return uint32(uintptr(unsafe.Pointer(&returned)))
}

func answered() { debug.SetGCPercent(collector) }

// area is where an answer that cannot fail was written, payload one that can.
func area() uint32 {
	answered()
	return uint32(uintptr(unsafe.Pointer(&returned)))
}

func payload() uint32 { return uint32(uintptr(unsafe.Pointer(&returned.err))) }

// failure is the error that was written, if it was one.
func failure() error {
	answered()
	if returned.failed == 0 {
		return nil
	}
	return returned.err.lift()
}

func lend[T, A any](items []T, each func(T) A) abiList {
	lent := make([]A, len(items))
	for i, item := range items {
		lent[i] = each(item)
	}
	return abiList{hold(unsafe.Pointer(unsafe.SliceData(lent))), uint32(len(lent))}
}

func list[A, T any](items *abiList, each func(*A) T) []T {
	found := make([]T, items.count)
	for i := range found {
		var item A
		found[i] = each(at[A](items.address + uint32(i)*uint32(unsafe.Sizeof(item))))
	}
	return found
}

func lendText(text string) abiText {
	if !utf8.ValidString(text) {
		panic("choreo: a text is not UTF-8: " + strconv.QuoteToASCII(text))
	}
	return abiText{address(text), uint32(len(text))}
}

func lendTexts(texts []string) abiList { return lend(texts, lendText) }
func lendMessages(messages []Message) abiList {
	return lend(messages, func(message Message) uint32 { return uint32(message) })
}

func lendName(name *string) abiOptionText {
	if name == nil {
		return abiOptionText{}
	}
	return abiOptionText{1, lendText(*name)}
}

func lendNumber[N int | uint32](number *N) abiOption32 {
	if number == nil {
		return abiOption32{}
	}
	if int64(*number) < 0 || int64(*number) > 1<<32-1 {
		panic("choreo: a number of tokens, an offset or a seed is from 0 to 4294967295")
	}
	return abiOption32{1, uint32(*number)}
}

func lendFloat(number *float64) abiOptionFloat {
	if number == nil {
		return abiOptionFloat{}
	}
	return abiOptionFloat{1, float32(*number)}
}

func lendParent(parent Parent) abiParent {
	lent := abiParent{id: uint32(parent.ID), offset: lendNumber(parent.Offset)}
	if refresh := parent.Refresh; refresh != nil {
		lent.some = 1
		switch {
		case refresh.Link != nil:
			lent.refresh = abiRefresh{0, lendNumber(refresh.Link).value}
		case refresh.Blend != nil:
			fraction := float32(*refresh.Blend)
			lent.refresh = abiRefresh{1, *(*uint32)(unsafe.Pointer(&fraction))}
		default:
			lent.refresh = abiRefresh{kind: 2}
		}
	}
	return lent
}

func lendView(parents []Parent, view View) abiView {
	all := append(parents[:len(parents):len(parents)], view.Parents...)
	lent := abiView{parents: lend(all, lendParent), offset: lendNumber(view.Offset)}
	if view.MaySee != nil {
		lent.maySee = abiOptionList{1, lendTexts(view.MaySee)}
	}
	if view.Reencode {
		lent.onViolation = 1
	}
	return lent
}

func lendPrefill(call Prefill) abiPrefill {
	return abiPrefill{
		role: call.Role.or(User), name: lendName(call.Name), part: call.Part.number(), text: lendText(call.Text),
		labels: lendTexts(call.Labels), view: lendView(call.Parents, call.View),
	}
}

func (choices OneOf) constraint() abiConstraint {
	lent := lendTexts(choices)
	return abiConstraint{0, abiText{lent.address, lent.count}}
}
func (text Regex) constraint() abiConstraint      { return abiConstraint{1, lendText(string(text))} }
func (text JSONSchema) constraint() abiConstraint { return abiConstraint{2, lendText(string(text))} }

func lendDecode(call Decode) abiDecode {
	lent := abiDecode{
		role: call.Role.or(Assistant), name: lendName(call.Name), part: call.Part.number(),
		header: lendText(call.Header), labels: lendTexts(call.Labels), view: lendView(call.Parents, call.View),
		maxTokens: lendNumber(call.MaxTokens), temperature: lendFloat(call.Temperature), topP: lendFloat(call.TopP),
		topK: lendNumber(call.TopK), minP: lendFloat(call.MinP), repetitionPenalty: lendFloat(call.RepetitionPenalty),
		seed: lendNumber(call.Seed), stop: lendTexts(call.Stop), topLogprobs: call.TopLogprobs,
	}
	if call.Constraint != nil {
		lent.constrained, lent.constraint = 1, call.Constraint.constraint()
	}
	return lent
}

func lendScore(call Score) abiScore {
	lent := abiScore{
		role: call.Role.or(Assistant), name: lendName(call.Name), header: lendText(call.Header),
		view: lendView(call.Parents, call.View), candidates: lendTexts(call.Candidates),
	}
	if call.WithEnd {
		lent.withEnd = 1
	}
	return lent
}

func (text *abiText) bytes() []byte { return unsafe.Slice(at[byte](text.address), text.length) }

func (text *abiText) text() string {
	if text.length == 0 {
		return ""
	}
	return string(text.bytes())
}

func (finish *abiFinish) finish() Finish {
	found := Finish{Kind: FinishKind(finish.kind)}
	switch found.Kind {
	case StopString:
		found.StopString = int(finish.value.address)
	case BudgetRanOut:
		found.Budget = finish.value.text()
	}
	return found
}

func (token *abiTokenLogprob) lift() TokenLogprob {
	return TokenLogprob{token.token, []byte(token.bytes.text()), float64(token.logprob)}
}

func (decoded *abiDecoded) decoded() *Decoded {
	return &Decoded{
		ID: Message(decoded.id), Text: decoded.text.text(), Finish: decoded.finish.finish(),
		Tokens: int(decoded.tokens),
		Logprobs: list(&decoded.logprobs, func(token *abiLogprobs) Logprobs {
			return Logprobs{token.chosen.lift(), list(&token.top, (*abiTokenLogprob).lift)}
		}),
	}
}

func (lane *abiLane) lane() Lane {
	if lane.failed != 0 {
		return Lane{Err: lane.err.lift()}
	}
	return Lane{Decoded: (*abiDecoded)(unsafe.Pointer(&lane.err)).decoded()}
}

func (parent *abiParent) lift() Parent {
	return Parent{ID: Message(parent.id), Offset: new(int(parent.offset.value))}
}

func (found *abiDescription) description() Description {
	description := Description{
		Role: Role(found.role + 1), Part: Part(found.part), Tokens: int(found.tokens), Finish: found.finish.finish(),
		Labels: list(&found.labels, (*abiText).text), Parents: list(&found.parents, (*abiParent).lift),
		Offset: int(found.offset),
	}
	if found.name.some != 0 {
		description.Name = new(found.name.value.text())
	}
	return description
}

func (err *abiError) lift() *Error {
	found := &Error{Cause: Cause(err.cause)}
	switch found.Cause {
	case UnknownMessage, Lost, Label:
		found.Message = Message(err.what.address)
	case ContextOverflow, CacheFull, OutOfBudget, Timeout:
		found.What, found.Asked, found.Left = err.what.text(), err.asked, err.left
	case InvalidArgument, Denied, Unsupported, Engine:
		found.What = err.what.text()
	}
	if err.call.some != 0 {
		found.Call = new(int(err.call.value))
	}
	return found
}
