// A plan whose first argument picks what goes wrong, or what is timed.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"choreo"
)

func init() { choreo.Plan(run) }
func main() {}

func run(args []string) (string, error) {
	args = append(args, "", "", "")
	number, _ := strconv.Atoi(args[2])
	switch args[0] {
	case "error":
		_, err := choreo.Prefill{Text: "Hi", Parents: choreo.After(choreo.Message(999))}.Send()
		return "", err
	case "role":
		_, err := choreo.Prefill{Text: "Hi", Role: 77}.Send()
		return "", err
	case "temperature":
		_, err := choreo.Decode{Header: "Hi", Temperature: new(-1.0)}.Send()
		return "", err
	case "utf8":
		_, err := choreo.Prefill{Text: "caf\xe9"}.Send()
		return "", err
	case "header":
		// It is sent by another goroutine, for it is not the only one.
		go time.Sleep(time.Hour)
		_, err := choreo.Decode{Header: "caf\xe9"}.Send()
		return "", err
	case "output":
		return "caf\xe9", nil
	case "crash":
		return args[number+len(args)], nil
	case "apart":
		// Nobody can recover for another goroutine.
		go func() { panic("in a goroutine") }()
		time.Sleep(time.Second)
		return "", nil
	case "deadlock":
		<-make(chan int)
	case "loop":
		spin()
	case "memory":
		var hoard [][]byte
		for {
			hoard = append(hoard, make([]byte, 1<<20))
		}
	case "texts":
		return "", texts()
	case "crowd":
		return crowd()
	case "eight":
		return eight(args[1], number)
	case "everything":
		return everything()
	}
	return "", fmt.Errorf("no behaviour is called %q", args[0])
}

//go:noinline
func spin() {
	for {
	}
}

// texts of the host's fill the memory.
func texts() error {
	message, err := choreo.Prefill{Text: strings.Repeat("one ", 200)}.Send()
	if err != nil {
		return err
	}
	var hoard [][]string
	for {
		texts, err := choreo.Texts(slices.Repeat([]choreo.Message{message}, 1000)...)
		if err != nil {
			return err
		}
		hoard = append(hoard, texts)
	}
}

// crowd is many goroutines that call and print all the time, and leave much garbage.
func crowd() (string, error) {
	var all sync.WaitGroup
	failures := make([]error, 24)
	for i := range failures {
		all.Go(func() {
			for range 20 {
				fmt.Fprintln(os.Stderr, i)
				message, err := choreo.Prefill{Text: "one"}.Send()
				if err == nil {
					_, err = choreo.Texts(slices.Repeat([]choreo.Message{message}, 500)...)
				}
				if err == nil {
					_, err = choreo.Decode{Header: "It is ", Parents: choreo.After(message), MaxTokens: new(3)}.Send()
				}
				failures[i] = errors.Join(failures[i], err)
			}
		})
	}
	all.Wait()
	return fmt.Sprintf("%d calls left", choreo.Remaining()[0].Left), errors.Join(failures...)
}

// eight decodes of so many tokens: in a list, started, by goroutines, or one by one.
func eight(way string, tokens int) (string, error) {
	question, err := choreo.Prefill{Text: "What pet does Halan have?"}.Send()
	if err != nil {
		return "", err
	}
	lanes := make([]choreo.Decode, 8)
	for i := range lanes {
		lanes[i] = choreo.Decode{
			Header:      fmt.Sprintf("%d:", i),
			Parents:     choreo.After(question),
			Temperature: new(1.0),
			MaxTokens:   &tokens,
			Constraint:  choreo.Regex("[a-z ]{4000}"),
		}
	}
	decoded := make([]*choreo.Decoded, len(lanes))
	failures := make([]error, len(lanes))
	switch way {
	case "list":
		decoded, failures[0] = choreo.DecodeAll(lanes...)
	case "started":
		decoded, failures[0] = started(lanes)
	case "goroutines":
		var all sync.WaitGroup
		for i, lane := range lanes {
			all.Go(func() { decoded[i], failures[i] = lane.Send() })
		}
		all.Wait()
	case "apart":
		for i, lane := range lanes {
			decoded[i], failures[i] = lane.Send()
		}
	}
	if err := errors.Join(failures...); err != nil {
		return "", err
	}
	var text strings.Builder
	for _, each := range decoded {
		text.WriteString(each.Text + "\n")
	}
	return text.String(), nil
}

func started(lanes []choreo.Decode) ([]*choreo.Decoded, error) {
	pendings, err := choreo.StartAll(lanes...)
	if err != nil {
		return nil, err
	}
	if ready, err := choreo.WaitAny(pendings, choreo.UntilFinished, choreo.NoTimeout); err != nil || len(ready) == 0 {
		return nil, fmt.Errorf("nothing is ready: %w", err)
	}
	var decoded []*choreo.Decoded
	for _, pending := range pendings {
		var text strings.Builder
		for piece, err := range pending.Pieces() {
			if err != nil {
				return nil, err
			}
			text.WriteString(piece)
		}
		each, err := pending.Finish()
		if err != nil {
			return nil, err
		}
		if each.Text != text.String() {
			return nil, errors.New("what is read is not the text")
		}
		pending.Drop()
		decoded = append(decoded, each)
	}
	return decoded, nil
}

// everything calls what no other plan of the repository does.
func everything() (string, error) {
	var text strings.Builder
	system, err := choreo.Prefill{Role: choreo.System, Text: "Be brief."}.Send()
	if err != nil {
		return "", err
	}
	message, err := choreo.Prefill{
		Text:    "What pet does Halan have?",
		Parents: choreo.After(system.At(3), system),
		View:    choreo.View{Offset: new(90)},
	}.Send()
	if err != nil {
		return "", err
	}
	found, err := message.Describe()
	if err != nil {
		return "", err
	}
	named := 0
	if found.Name != nil {
		named = 1
	}
	fmt.Fprintf(&text, "role %d, part %d, name %d, finish %d, labels %d, at %d, parents %d %d\n", found.Role, found.Part,
		named, found.Finish.Kind, len(found.Labels), found.Offset, *found.Parents[0].Offset, found.Parents[1].ID)
	tokens, err := choreo.CountTokens(choreo.User, choreo.Whole, "one", "one two")
	if err != nil {
		return "", err
	}
	decoded, err := choreo.Decode{
		Header: "It is ", Parents: choreo.After(message), Seed: new(uint32(7)),
		Constraint: choreo.OneOf{"a fox.", "a cat."}, TopLogprobs: 2,
	}.Send()
	if err != nil {
		return "", err
	}
	chosen := decoded.Logprobs[0].Chosen
	likely := 0
	if chosen.Logprob <= 0 {
		likely = 1
	}
	fmt.Fprintf(&text, "more tokens %d, %s %d of %d with %d, '%s' %d\n", tokens[1]-tokens[0], decoded.Text,
		len(decoded.Logprobs), decoded.Tokens, len(decoded.Logprobs[0].Top), chosen.Bytes, likely)
	decoded, err = choreo.Decode{
		Parents: choreo.After(message), Temperature: new(0.0), Stop: []string{"zzz", "a"}, MaxTokens: new(30),
	}.Send()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&text, "finish %d %d\n", decoded.Finish.Kind, decoded.Finish.StopString)
	scored, err := choreo.Score{
		Header: "It is a ", Parents: choreo.After(message), WithEnd: true, Candidates: []string{"fox.", "cat."},
	}.Send()
	if err != nil {
		return "", err
	}
	negative := 0
	if scored[0].Logprob < 0 {
		negative = 1
	}
	fmt.Fprintf(&text, "scores %d %d %d\n", len(scored), negative, scored[0].Tokens)
	if err := choreo.Limit("calls", 50); err != nil {
		return "", err
	}
	for _, budget := range choreo.Remaining() {
		if budget.Name == "calls" {
			fmt.Fprintf(&text, "calls %d\n", budget.Left)
		}
	}
	model := choreo.Model()
	known, large := 0, 0
	if model.Name != "" {
		known = 1
	}
	if model.Context > 100 {
		large = 1
	}
	fmt.Fprintf(&text, "model %d %d roles %d from %d\n", known, large, len(model.Roles), model.Roles[0])
	choreo.Log(choreo.LevelWarn, "a line of the log")
	if err := message.Release(); err != nil {
		return "", err
	}
	_, err = message.Describe()
	var refused *choreo.Error
	if !errors.As(err, &refused) || !errors.Is(err, choreo.UnknownMessage) {
		return "", err
	}
	fmt.Fprintf(&text, "released %d: %s", refused.Cause+1, err)
	return text.String(), nil
}
