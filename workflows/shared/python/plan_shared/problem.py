"""The problem that agents solve."""

from dataclasses import dataclass
from pathlib import Path

from choreo import Message, prefill

from .arguments import Arguments, quoted, refuse

#: A problem and its answer a line, with a tab between; read when the plan is built,
#: which puts the file here. No training text of the default model holds any of them.
_HELD_OUT = [line.split("\t", 1) for line in Path(__file__).with_name("problems.txt").read_text("utf-8").splitlines()]


@dataclass(frozen=True)
class Problem:
    """A problem in words, and the right answer where it is one of those held out."""

    text: str
    expected: str | None = None

    @classmethod
    def take(cls, arguments: Arguments) -> "Problem":
        """The problem that is the only word left of the arguments, or `--draw N`, the
        N-th of the held-out problems; the first where there is neither."""
        drawn = arguments.value("--draw")
        text = arguments.word()
        if text is not None:
            if drawn is not None:
                refuse("a problem and --draw: give one of them")
            return cls(text)
        drawn = drawn or "1"
        if not (drawn.isascii() and drawn.isdigit() and 1 <= int(drawn) <= len(_HELD_OUT)):
            refuse(f"--draw needs a number from 1 to {len(_HELD_OUT)}, not {quoted(drawn)}")
        return cls(*_HELD_OUT[int(drawn) - 1])

    def instruction(self, prompt: str) -> Message:
        """A system's message that puts the problem where the prompt has `{problem}`."""
        return prefill(fill(prompt, problem=self.text), role="system")


def fill(prompt: str, **values: str) -> str:
    """The prompt with a value wherever it has `{name}`. A value is not filled in its
    turn, and other braces stay as they are. White space at the end goes."""
    filled, rest = "", prompt
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, closed, left = after.partition("}")
        if closed and name in values:
            filled, rest = f"{filled}{before}{values[name]}", left
        else:
            filled, rest = f"{filled}{before}{{", after
    return (filled + rest).rstrip()
