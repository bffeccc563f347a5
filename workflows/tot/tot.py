"""Tree of thoughts of one level: the same plan as `src/lib.rs`, with the same prompts,
arguments and output. B solutions are proposed apart, V voters read all of them and name
the best, and the winner is finished.
"""

from pathlib import Path

from choreo import Decoded, OneOf, decode_all
from plan_shared import Arguments, Problem, Transcript, answer, majority, number, sampling

PROMPTS = Path(__file__).with_name("prompts")
# Read when the plan is built: when it runs, there are no files.
PROPOSE, VOTE, FINISH = (PROMPTS.joinpath(f"{name}.txt").read_text() for name in ("propose", "vote", "finish"))
USAGE = (
    "[--branches B] [--voters V] [--choice text|constrained] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]"
)
# A vote's header.
BEST = "Best choice: "


def run(args: list[str]) -> str:
    arguments = Arguments(args, USAGE)
    branches = arguments.whole("--branches", 8, 1, 64)
    voters = arguments.whole("--voters", 4, 0, 64)
    constrained = arguments.choice("--choice", "text", "constrained") == "constrained"
    write = sampling(arguments, 0.7)
    problem = Problem.take(arguments)
    transcript = Transcript(problem)
    numbers = range(1, branches + 1)

    propose = problem.instruction(PROPOSE)
    proposals = decode_all(write(f"Solution {n}:\n", parents=[propose]) for n in numbers)
    transcript.turns("Solutions", proposals)

    vote = problem.instruction(VOTE)
    held_to = OneOf([str(n) for n in numbers]) if constrained else None
    ballots = decode_all([write(BEST, parents=[vote, *proposals], constraint=held_to)] * voters)
    transcript.turns("Votes", ballots)
    winner, how = elect(ballots, branches)

    finish = problem.instruction(FINISH)
    [last] = decode_all([write("Final answer:\n", parents=[finish, proposals[winner - 1]])])
    transcript.section(f"Solution {winner} is finished")
    transcript.line(last.text)
    return transcript.answered(answer(last.text), how)


def elect(ballots: list[Decoded], branches: int) -> tuple[int, str]:
    """The number of the solution that most voters name, from 1, and how it came about."""
    votes = [found for ballot in ballots if (found := named(ballot.text, branches)) is not None]
    winner, count = majority(votes)
    if winner is None:
        return 1, "solution 1, without a vote"
    return winner, f"solution {winner}, {count} of {len(ballots)} votes"


def named(ballot: str, branches: int) -> int | None:
    """The solution that a vote names: the first number in it, if there is such a solution."""
    first = number(ballot.removeprefix(BEST))
    return int(first) if first is not None and first.isdigit() and 1 <= int(first) <= branches else None
