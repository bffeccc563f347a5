// Multi-agent debate in parallel: the plan of src/lib.rs, with the same prompts,
// arguments and transcript.
package main

import (
	_ "embed"
	"fmt"
	"slices"

	"choreo"
	"plans/shared/go"
)

var (
	//go:embed prompts/solve.txt
	solvePrompt string
	//go:embed prompts/update.txt
	updatePrompt string
	//go:embed prompts/summarise.txt
	summarisePrompt string
)

const usage = "[--agents A] [--rounds R] [--summaries] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]"

func init() { choreo.Plan(run) }
func main() {}

type settings struct {
	agents, rounds int
	summaries      bool
	sampling       shared.Sampling
	problem        shared.Problem
}

func take(args []string) (taken settings, err error) {
	arguments := shared.NewArguments(args, usage)
	if taken.agents, err = arguments.Number("--agents", 3, 1, 64); err != nil {
		return
	}
	if taken.rounds, err = arguments.Number("--rounds", 2, 0, 64); err != nil {
		return
	}
	taken.summaries = arguments.Flag("--summaries")
	if taken.sampling, err = arguments.Sampling(0.7); err != nil {
		return
	}
	taken.problem, err = arguments.Problem()
	return
}

// turns is one turn of every agent, all at once; view says what each of them sees.
func (taken settings) turns(view func(agent int) []choreo.Parent) ([]*choreo.Decoded, error) {
	var calls []choreo.Decode
	for agent := range taken.agents {
		calls = append(calls, taken.sampling.Decode(fmt.Sprintf("From Agent %d:\n", agent+1), view(agent)))
	}
	return choreo.DecodeAll(calls...)
}

func run(args []string) (string, error) {
	taken, err := take(args)
	if err != nil {
		return "", err
	}
	problem, transcript := taken.problem, taken.problem.Transcript()

	solve, err := problem.Instruction(solvePrompt)
	if err != nil {
		return "", err
	}
	last, err := taken.turns(func(int) []choreo.Parent { return choreo.After(solve) })
	if err != nil {
		return "", err
	}
	transcript.Section("Answers")
	transcript.Turns(last...)
	if last, err = taken.debate(last, transcript); err != nil {
		return "", err
	}

	var answers []string
	for _, turn := range last {
		if answer, found := shared.Answer(turn.Text); found {
			answers = append(answers, answer)
		}
	}
	answer, votes := shared.Majority(answers)
	return transcript.Answered(problem, answer, fmt.Sprintf("%d of %d agents", votes, taken.agents)), nil
}

// debate is the rounds after the first answers, and the last turns.
func (taken settings) debate(last []*choreo.Decoded, transcript *shared.Transcript) ([]*choreo.Decoded, error) {
	if taken.rounds == 0 {
		return last, nil
	}
	update, err := taken.problem.Instruction(updatePrompt)
	if err != nil {
		return nil, err
	}
	var summarise choreo.Message
	if taken.summaries {
		if summarise, err = taken.problem.Instruction(summarisePrompt); err != nil {
			return nil, err
		}
	}
	// Every agent's own turns before its last one, oldest first.
	earlier := make([][]choreo.Parent, taken.agents)
	for round := 1; round <= taken.rounds; round++ {
		transcript.Section(fmt.Sprintf("Round %d", round))
		everyone := choreo.AfterAll(last)
		seen := everyone
		if taken.summaries {
			parents := slices.Concat(choreo.After(summarise), everyone)
			summary, err := taken.sampling.Decode("Summary:\n", parents).Send()
			if err != nil {
				return nil, err
			}
			transcript.Turns(summary)
			seen = choreo.After(summary)
		}
		last, err = taken.turns(func(agent int) []choreo.Parent {
			view := slices.Concat(choreo.After(update), seen, earlier[agent])
			// Without summaries an agent's last turn is among everyone's.
			if taken.summaries {
				view = append(view, everyone[agent])
			}
			return view
		})
		if err != nil {
			return nil, err
		}
		for agent, turn := range everyone {
			earlier[agent] = append(earlier[agent], turn)
		}
		transcript.Turns(last...)
	}
	return last, nil
}
