"""Three agents solve a problem apart; a fourth sees what they said and decides."""

import sys

from choreo import Decode, Message, gather, prefill


def system(task: str, problem: str) -> Message:
    return prefill(f"{task} Problem: {problem}", role="system")


async def run(args: list[str]) -> str:
    if not args:
        sys.exit("no problem: give one as the first argument")
    solve = system(
        "You are one of several agents. Solve the problem step by step, then write the answer.", args[0]
    )
    decide = system(
        "Several agents have solved the problem below. Use their answers as advice only, "
        "and solve the problem again step by step.",
        args[0],
    )

    # Awaited together: the three run together, and none sees another.
    agents = [
        Decode(f"From Agent {number}:\n", parents=[solve], max_tokens=64, temperature=0.7) for number in (1, 2, 3)
    ]
    opinions = await gather(*agents)

    # The opinions stand one after another. None of them is encoded again.
    verdict = await Decode("From Agent 4:\n", parents=[decide, *opinions], max_tokens=64, temperature=0.0)
    return verdict.text
