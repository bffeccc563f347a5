// Three agents solve a problem apart; a fourth sees what they said and decides.
package main

import (
	"errors"
	"fmt"
	"slices"

	"choreo"
)

const (
	solve  = "You are one of several agents. Solve the problem step by step, then write the answer."
	decide = "Several agents have solved the problem below. Use their answers as advice only, and solve the problem again step by step."
)

func init() { choreo.Plan(run) }
func main() {}

func run(args []string) (string, error) {
	if len(args) == 0 {
		return "", errors.New("no problem: give one as the first argument")
	}
	var instructions []choreo.Message
	for _, task := range []string{solve, decide} {
		message, err := choreo.Prefill{Role: choreo.System, Text: task + " Problem: " + args[0]}.Send()
		if err != nil {
			return "", err
		}
		instructions = append(instructions, message)
	}

	// One list: the three run together, and none sees another.
	var agents []choreo.Decode
	for number := 1; number <= 3; number++ {
		agents = append(agents, choreo.Decode{
			Header:      fmt.Sprintf("From Agent %d:\n", number),
			Parents:     choreo.After(instructions[0]),
			MaxTokens:   new(64),
			Temperature: new(0.7),
		})
	}
	opinions, err := choreo.DecodeAll(agents...)
	if err != nil {
		return "", err
	}

	// The opinions stand one after another. None of them is encoded again.
	verdict, err := choreo.Decode{
		Header:      "From Agent 4:\n",
		Parents:     slices.Concat(choreo.After(instructions[1]), choreo.AfterAll(opinions)),
		MaxTokens:   new(64),
		Temperature: new(0.0),
	}.Send()
	if err != nil {
		return "", err
	}
	return verdict.Text, nil
}
