"""The answer of a solution."""

import re

_MARK = re.compile("answer", re.IGNORECASE | re.ASCII)
#: Digits, with what groups them by three, and one point or slash.
_NUMBER = re.compile(r"[0-9](?:[0-9]|,(?=[0-9]{3}(?![0-9])))*(?:[./][0-9](?:[0-9]|,(?=[0-9]{3}(?![0-9])))*)?", re.ASCII)


def answer(text: str) -> str | None:
    r"""What a solution answers: what its last `\boxed{…}` holds, or else the first
    number after the last word "answer" that has one on its line. Numbers are written
    in one way: `1,200.50` as `1200.5`."""
    boxed = _boxed(text)
    if boxed is not None:
        found = None if any(letter.isalpha() for letter in boxed) else number(boxed)
        return found or boxed
    for mark in reversed(list(_MARK.finditer(text))):
        rest = text[mark.end() :]
        start = next((at for at, letter in enumerate(rest) if letter.isalnum() or letter == "-"), len(rest))
        found = number(rest[start:].split("\n", 1)[0])
        if found is not None:
            return found
    return None


def number(text: str) -> str | None:
    """The first number of a text, without what groups its digits and without zeros
    at a fraction's end."""
    found = _NUMBER.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    negative = before.endswith("-") and not before[-2:-1].isalnum()
    digits = found.group().replace(",", "")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"-{digits}" if negative else digits


def _boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{…}`, inner braces included."""
    _, mark, after = text.rpartition(r"\boxed{")
    depth = 1 if mark else 0
    for at, letter in enumerate(after if mark else ""):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return after[:at].strip()
    return None
