// Tree of thoughts of one level: the plan of src/lib.rs, with the same prompts,
// arguments and transcript.
package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"choreo"
	"plans/shared/go"
)

var (
	//go:embed prompts/propose.txt
	proposePrompt string
	//go:embed prompts/vote.txt
	votePrompt string
	//go:embed prompts/finish.txt
	finishPrompt string
)

const usage = "[--branches B] [--voters V] [--choice text|constrained] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]"

// A vote's header.
const best = "Best choice: "

func init() { choreo.Plan(run) }
func main() {}

type settings struct {
	branches, voters int
	choice           string
	sampling         shared.Sampling
	problem          shared.Problem
}

func take(args []string) (taken settings, err error) {
	arguments := shared.NewArguments(args, usage)
	if taken.branches, err = arguments.Number("--branches", 8, 1, 64); err != nil {
		return
	}
	if taken.voters, err = arguments.Number("--voters", 4, 0, 64); err != nil {
		return
	}
	if taken.choice, err = arguments.Choice("--choice", "text", "constrained"); err != nil {
		return
	}
	if taken.sampling, err = arguments.Sampling(0.7); err != nil {
		return
	}
	taken.problem, err = arguments.Problem()
	return
}

func run(args []string) (string, error) {
	taken, err := take(args)
	if err != nil {
		return "", err
	}
	problem, transcript := taken.problem, taken.problem.Transcript()

	proposals, err := taken.propose()
	if err != nil {
		return "", err
	}
	transcript.Section("Solutions")
	transcript.Turns(proposals...)

	ballots, err := taken.vote(proposals)
	if err != nil {
		return "", err
	}
	transcript.Section("Votes")
	transcript.Turns(ballots...)
	winner, how := elect(ballots, taken.branches)

	finish, err := problem.Instruction(finishPrompt)
	if err != nil {
		return "", err
	}
	last, err := taken.sampling.Decode("Final answer:\n", choreo.After(finish, proposals[winner-1])).Send()
	if err != nil {
		return "", err
	}
	transcript.Section(fmt.Sprintf("Solution %d is finished", winner))
	transcript.Turns(last)
	answer, _ := shared.Answer(last.Text)
	return transcript.Answered(problem, answer, how), nil
}

func (taken settings) propose() ([]*choreo.Decoded, error) {
	instruction, err := taken.problem.Instruction(proposePrompt)
	if err != nil {
		return nil, err
	}
	var calls []choreo.Decode
	for number := 1; number <= taken.branches; number++ {
		calls = append(calls, taken.sampling.Decode(fmt.Sprintf("Solution %d:\n", number), choreo.After(instruction)))
	}
	return choreo.DecodeAll(calls...)
}

func (taken settings) vote(proposals []*choreo.Decoded) ([]*choreo.Decoded, error) {
	instruction, err := taken.problem.Instruction(votePrompt)
	if err != nil {
		return nil, err
	}
	parents := slices.Concat(choreo.After(instruction), choreo.AfterAll(proposals))
	ballot := taken.sampling.Decode(best, parents)
	if taken.choice == "constrained" {
		var numbers choreo.OneOf
		for number := 1; number <= taken.branches; number++ {
			numbers = append(numbers, strconv.Itoa(number))
		}
		ballot.Constraint = numbers
	}
	return choreo.DecodeAll(slices.Repeat([]choreo.Decode{ballot}, taken.voters)...)
}

// elect is the number of the solution that most voters name, from 1, and how it came
// about.
func elect(ballots []*choreo.Decoded, branches int) (int, string) {
	var votes []int
	for _, ballot := range ballots {
		if vote, found := named(ballot.Text, branches); found {
			votes = append(votes, vote)
		}
	}
	winner, count := shared.Majority(votes)
	if count == 0 {
		return 1, "solution 1, without a vote"
	}
	return winner, fmt.Sprintf("solution %d, %d of %d votes", winner, count, len(ballots))
}

// named is the solution that a vote names: the first number in it, if there is such
// a solution.
func named(ballot string, branches int) (int, bool) {
	first, _ := shared.Number(strings.TrimPrefix(ballot, best))
	number, err := strconv.Atoi(first)
	return number, err == nil && 1 <= number && number <= branches
}
