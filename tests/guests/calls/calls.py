"""Asks for the texts of a list of messages, again and again. The same plan as src/lib.rs."""

import sys

from choreo import prefill, text


def run(args: list[str]) -> str:
    if len(args) != 2:
        sys.exit("give two numbers: calls, messages")
    calls, count = map(int, args)
    messages = [prefill("one")] * count
    total = 0
    for _ in range(calls):
        for one in text(messages):
            total += len(one)
    return f"{total} bytes"
