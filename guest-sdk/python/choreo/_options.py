"""What a call's fields may be, and the check before the boundary: a wrong type is
an exception at the line that has it, not a trap."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ._contract import case, host

#: `raw` adds no role and no end-of-message tokens.
Role = Literal["system", "user", "assistant", "tool", "raw"]
#: `whole` has the role's opening and the end of message; `open` only the opening,
#: `close` only the end, `middle` neither.
Part = Literal["whole", "open", "middle", "close"]
#: What to do when a parent carries a label that the call may not see.
OnViolation = Literal["fail", "reencode"]
#: What to wait for.
Until = Literal["text", "finished"]
#: How much a line of the run's log matters.
Level = Literal["debug", "info", "warn", "error"]

_KINDS: dict[str, Any] = {"Role": Role, "Part": Part, "OnViolation": OnViolation, "Until": Until, "Level": Level}
_U32 = 0xFFFF_FFFF


@dataclass(frozen=True)
class OneOf:
    """Exactly one of these texts."""

    texts: Iterable[str]

    def __post_init__(self) -> None:
        keep(self, texts=strings("constraint.texts", self.texts))


@dataclass(frozen=True)
class Regex:
    """What this regular expression matches as a whole, in the syntax of the Rust crate `regex`."""

    pattern: str


@dataclass(frozen=True)
class JsonSchema:
    """JSON, without white space between its tokens, that is valid under this schema:
    its text, or what `json.dumps` makes it of."""

    schema: str | dict[str, Any]


Constraint = OneOf | Regex | JsonSchema


def whole(field: str, value: Any, most: int = _U32) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= most:
            return value
        raise ValueError(f"{field} is a whole number from 0 to {most}, not {value}")
    raise TypeError(f"{field} is a whole number, not {_shown(value)}")


def number(field: str, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{field} is a number, not {_shown(value)}")


def string(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{field} is a text, not {_shown(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{field} has half a character (a surrogate), which is no text") from None
    return value


def strings(field: str, value: Any) -> list[str]:
    if isinstance(value, str):
        raise TypeError(f"{field} is a list of texts, not one: write [{value!r}]")
    try:
        items = list(value)
    except TypeError:
        raise TypeError(f"{field} is a list of texts, not {_shown(value)}") from None
    return [string(f"{field}[{index}]", item) for index, item in enumerate(items)]


def keep(value: Any, **fields: Iterable[Any]) -> None:
    """Makes fields of a frozen dataclass tuples: what can be gone through only once
    is there each time that the value is sent."""
    for field, items in fields.items():
        object.__setattr__(value, field, tuple(items))


def choice(field: str, kind: str, value: Any) -> Any:
    """The contract's case of an enum, `kind`, by its name."""
    names = get_args(_KINDS[kind])
    if value not in names:
        raise ValueError(f"{field} is one of {', '.join(names)}, not {_shown(value)}")
    return case(kind, value)


def checked(field: str, kind: str, value: Any) -> None:
    """The same without a host."""
    names = get_args(_KINDS[kind])
    if value not in names:
        raise ValueError(f"{field} is one of {', '.join(names)}, not {_shown(value)}")


def constraint(value: Constraint | None) -> Any:
    """The constraint in the contract's terms."""
    match value:
        case None:
            return None
        case OneOf(texts):
            return host.Constraint_OneOf(list(texts))
        case Regex(pattern):
            return host.Constraint_Regex(string("constraint.pattern", pattern))
        case JsonSchema(schema):
            written = schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False)
            return host.Constraint_JsonSchema(string("constraint.schema", written))
        case _:
            raise TypeError(f"constraint is OneOf, Regex or JsonSchema, not {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
