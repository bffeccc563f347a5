// Asks for the texts of a list of messages, again and again. The same plan as src/lib.rs.
package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"choreo"
)

func init() { choreo.Plan(run) }
func main() {}

func run(args []string) (string, error) {
	if len(args) != 2 {
		return "", errors.New("give two numbers: calls, messages")
	}
	calls, err := strconv.Atoi(args[0])
	if err != nil {
		return "", err
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return "", err
	}
	one, err := choreo.Prefill{Text: "one"}.Send()
	if err != nil {
		return "", err
	}
	messages := slices.Repeat([]choreo.Message{one}, count)
	bytes := 0
	for range calls {
		texts, err := choreo.Texts(messages...)
		if err != nil {
			return "", err
		}
		for _, text := range texts {
			bytes += len(text)
		}
	}
	return fmt.Sprintf("%d bytes", bytes), nil
}
