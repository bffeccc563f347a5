"""Multi-agent debate in parallel: the same plan as `src/lib.rs`, with the same prompts,
arguments and output. Agents solve a problem apart, then each solves it again after
reading everyone's last answer and its own earlier ones; the majority wins.
"""

from pathlib import Path

from choreo import Decoded, Message, decode_all
from plan_shared import Arguments, Problem, Transcript, answer, majority, sampling

PROMPTS = Path(__file__).with_name("prompts")
# Read when the plan is built: when it runs, there are no files.
SOLVE, UPDATE, SUMMARISE = (PROMPTS.joinpath(f"{name}.txt").read_text() for name in ("solve", "update", "summarise"))
USAGE = "[--agents A] [--rounds R] [--summaries] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]"


def run(args: list[str]) -> str:
    arguments = Arguments(args, USAGE)
    agents = arguments.whole("--agents", 3, 1, 64)
    rounds = arguments.whole("--rounds", 2, 0, 64)
    summaries = arguments.flag("--summaries")
    write = sampling(arguments, 0.7)
    problem = Problem.take(arguments)
    transcript = Transcript(problem)

    def turns(views: list[list[Message]]) -> list[Decoded]:
        """One turn of every agent, all at once."""
        return decode_all(write(f"From Agent {n}:\n", parents=view) for n, view in enumerate(views, 1))

    solve = problem.instruction(SOLVE)
    last = turns([[solve]] * agents)
    transcript.turns("Answers", last)

    # Every agent's own turns before its last one, oldest first.
    earlier: list[list[Message]] = [[] for _ in range(agents)]
    if rounds > 0:
        update = problem.instruction(UPDATE)
        summarise = problem.instruction(SUMMARISE) if summaries else None
    for number in range(1, rounds + 1):
        transcript.section(f"Round {number}")
        everyone = [turn.id for turn in last]
        shared = everyone
        if summarise is not None:
            [summary] = decode_all([write("Summary:\n", parents=[summarise, *everyone])])
            transcript.line(summary.text)
            shared = [summary.id]
        # Without summaries an agent's last turn is among everyone's.
        seen = [own + [turn] if summaries else own for own, turn in zip(earlier, everyone)]
        last = turns([[update, *shared, *own] for own in seen])
        for own, turn in zip(earlier, everyone):
            own.append(turn)
        for turn in last:
            transcript.line(turn.text)

    answers = [found for turn in last if (found := answer(turn.text)) is not None]
    winner, votes = majority(answers)
    return transcript.answered(winner, f"{votes} of {agents} agents")
