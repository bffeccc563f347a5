"""Calls: what a message says or starts with, and what it sees. Nothing is sent yet."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._contract import host
from ._messages import Decoded, ParentLike, placed
from ._options import (
    Constraint,
    OnViolation,
    Part,
    Role,
    checked,
    choice,
    constraint,
    keep,
    number,
    string,
    strings,
    whole,
)

if TYPE_CHECKING:
    from ._pending import Pending


# Not compared by value: two equal calls are two messages.
@dataclass(frozen=True, kw_only=True, eq=False)
class _Call:
    #: Who speaks.
    role: Role = "user"
    #: The speaker's name, where the chat format has a place for it.
    name: str | None = None
    #: What the call sees, in this order: each right after the one before it, or at
    #: an offset of its own, as `(message, 40)`.
    parents: Sequence[ParentLike] = ()
    #: Where the call's own first token stands, in tokens. None: right after the end
    #: of the last parent.
    offset: int | None = None
    #: Labels that parents may carry. None: any.
    may_see: Iterable[str] | None = None
    #: What to do when a parent carries another.
    on_violation: OnViolation = "fail"

    def __post_init__(self) -> None:
        # Said where the call is made; the rest is checked where it is sent.
        checked("role", "Role", self.role)
        checked("on_violation", "OnViolation", self.on_violation)
        keep(self, parents=self.parents)
        if self.may_see is not None:
            keep(self, may_see=strings("may_see", self.may_see))

    def _name(self) -> str | None:
        return None if self.name is None else string("name", self.name)

    def _view(self) -> Any:
        return host.View(
            placed(self.parents),
            None if self.offset is None else whole("offset", self.offset),
            None if self.may_see is None else list(self.may_see),
            choice("on_violation", "OnViolation", self.on_violation),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prefill(_Call):
    """A message to add; the user's, unless a role is set."""

    text: str = field(kw_only=False)
    #: Which part of a turn the message is.
    part: Part = "whole"
    #: Labels the message starts with; it inherits its parents' as well.
    labels: Iterable[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        checked("part", "Part", self.part)
        keep(self, labels=strings("labels", self.labels))

    def _contract(self) -> Any:
        return host.PrefillCall(
            choice("role", "Role", self.role),
            self._name(),
            choice("part", "Part", self.part),
            string("text", self.text),
            list(self.labels),
            self._view(),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Decode(_Call):
    """A message that the model writes, starting with the header; the assistant's,
    unless a role is set. What stands at None is the operator's default.

    `await` sends it: awaited together, decodes run together."""

    header: str = field(default="", kw_only=False)
    role: Role = "assistant"
    #: Which part of a turn the message is.
    part: Part = "whole"
    #: Labels the message starts with; it inherits its parents' as well.
    labels: Iterable[str] = ()
    #: Most tokens to generate.
    max_tokens: int | None = None
    #: What logits are divided by; 0 takes the likeliest token.
    temperature: float | None = None
    #: Samples among the likeliest tokens that together have this probability, 0 to 1.
    top_p: float | None = None
    #: Samples among this many of the likeliest tokens.
    top_k: int | None = None
    #: Samples among tokens with at least this share of the likeliest's probability.
    min_p: float | None = None
    #: Divides the logits of tokens that were there before; 1 changes nothing.
    repetition_penalty: float | None = None
    #: Replaces the run's seed; the message's number is mixed in either way.
    seed: int | None = None
    #: Strings that end the message; they are not in its text.
    stop: Iterable[str] = ()
    #: What the generated text must be, the header not counted.
    constraint: Constraint | None = None
    #: How many alternatives to report for each generated token.
    top_logprobs: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        checked("part", "Part", self.part)
        keep(self, labels=strings("labels", self.labels), stop=strings("stop", self.stop))

    def start(self) -> Pending:
        """Starts generating the message and returns at once."""
        from ._pending import start_all

        return start_all([self])[0]

    def __await__(self) -> Generator[Any, None, Decoded]:
        from ._loop import current

        return current().decode(self).__await__()

    def _contract(self) -> Any:
        return host.DecodeCall(
            choice("role", "Role", self.role),
            self._name(),
            choice("part", "Part", self.part),
            string("header", self.header),
            list(self.labels),
            self._view(),
            host.DecodeOptions(
                None if self.max_tokens is None else whole("max_tokens", self.max_tokens),
                None if self.temperature is None else number("temperature", self.temperature),
                None if self.top_p is None else number("top_p", self.top_p),
                None if self.top_k is None else whole("top_k", self.top_k),
                None if self.min_p is None else number("min_p", self.min_p),
                None if self.repetition_penalty is None else number("repetition_penalty", self.repetition_penalty),
                None if self.seed is None else whole("seed", self.seed),
                list(self.stop),
                constraint(self.constraint),
                whole("top_logprobs", self.top_logprobs, 255),
            ),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Score(_Call):
    """Continuations of a message that starts with the header, to say how likely
    each is; the assistant's, unless a role is set. Leaves no message behind."""

    header: str = field(kw_only=False)
    candidates: Iterable[str] = field(kw_only=False)
    role: Role = "assistant"
    #: Whether the end of message counts as part of each candidate.
    with_end: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        keep(self, candidates=strings("candidates", self.candidates))

    def _contract(self) -> Any:
        return host.ScoreCall(
            choice("role", "Role", self.role),
            self._name(),
            string("header", self.header),
            self._view(),
            list(self.candidates),
            bool(self.with_end),
        )
