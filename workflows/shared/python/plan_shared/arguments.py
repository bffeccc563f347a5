"""A plan's arguments: options that start with `--`, and words."""

import json
import re
import sys
from typing import NoReturn


def refuse(line: str) -> NoReturn:
    """Ends the plan with this error."""
    sys.exit(line)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class Arguments:
    """Arguments, of which each option is taken by its name; what is left then are
    words, or mistakes."""

    def __init__(self, args: list[str], usage: str) -> None:
        self._left = list(args)
        self._usage = usage

    def flag(self, name: str) -> bool:
        """Whether this option, which has no value, is there."""
        found = name in self._left
        if found:
            self._left.remove(name)
        return found

    def value(self, name: str) -> str | None:
        """The option's value, where it is there."""
        if name not in self._left:
            return None
        at = self._left.index(name)
        if at + 1 == len(self._left):
            refuse(f"{name} has no value: take {self._usage}")
        del self._left[at]
        return self._left.pop(at)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """The option's whole number, or `default`."""
        value = self.value(name)
        if value is None:
            return default
        if re.fullmatch(r"\+?[0-9]+", value, re.ASCII) and least <= int(value) <= most:
            return int(value)
        refuse(f"{name} needs a number from {least} to {most}, not {quoted(value)}")

    def fraction(self, name: str, default: float, least: int, most: int) -> float:
        """The option's number, or `default`."""
        value = self.value(name)
        if value is None:
            return default
        if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value, re.ASCII):
            if least <= float(value) <= most:
                return float(value)
        refuse(f"{name} needs a number from {least} to {most}, not {quoted(value)}")

    def choice(self, name: str, *known: str) -> str:
        """The option's value, one of these, or the first of them."""
        value = self.value(name)
        if value is None:
            return known[0]
        if value not in known:
            refuse(f"{name} takes one of {', '.join(known)}, not {quoted(value)}")
        return value

    def word(self) -> str | None:
        """The one word that is left, if any, when all options have been taken."""
        for left in self._left:
            if left.startswith("--"):
                refuse(f"no option is called {left}, or it stands twice: take {self._usage}")
        if len(self._left) > 1:
            refuse(f"one text too many, {quoted(self._left[1])}: take {self._usage}, texts in quotes")
        return self._left[0] if self._left else None
