"""What a plan returns: who said what, and what came of it."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from choreo import Decoded

from .problem import Problem

_T = TypeVar("_T", bound=Hashable)


class Transcript:
    """A text that grows by sections."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._lines = [f"Problem: {problem.text}"]

    def section(self, title: str) -> None:
        self.line(f"\n== {title}")

    def line(self, text: str) -> None:
        self._lines.append(text)

    def turns(self, title: str, turns: Iterable[Decoded]) -> None:
        """A section of the texts of these messages."""
        self.section(title)
        for turn in turns:
            self.line(turn.text)

    def answered(self, answer: str | None, how: str) -> str:
        """Ends with the answer, how it came about, and whether it is the expected
        one, where that is known; the whole text."""
        self.line(f"\nAnswer: {'none' if answer is None else answer} ({how})")
        expected = self._problem.expected
        if expected is not None:
            self.line(f"Expected: {expected} ({'right' if answer == expected else 'wrong'})")
        return "\n".join(self._lines).rstrip()


def majority(votes: Sequence[_T]) -> tuple[_T | None, int]:
    """The vote that most gave, and how many did; of equals the first given."""
    most = max(votes, key=votes.count, default=None)
    return most, 0 if most is None else votes.count(most)
