"""Messages, how a call sees them, and what the host tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from ._contract import Err, host, named, variant
from ._errors import error
from ._options import Part, Role, number, whole


class Message(int):
    """A message of this run: its number, from 1 in the order of creation.

    The number means nothing in another run, and nothing after `release`.
    """

    def at(self, offset: int) -> Parent:
        """This message as a parent whose first token stands at `offset`, in tokens."""
        return Parent(self, offset)

    def text(self) -> str:
        """Its text, header included, role and end-of-message tokens not."""
        return text([self])[0]

    def describe(self) -> Description:
        """What the host knows of it."""
        return describe([self])[0]

    def release(self) -> None:
        """Gives its room back; its number becomes unknown."""
        release([self])

    def __repr__(self) -> str:
        return f"Message({int(self)})"


@dataclass(frozen=True)
class Link:
    """Repairs the first `tokens` tokens of a parent in its new company."""

    tokens: int


@dataclass(frozen=True)
class Blend:
    """Repairs the fraction of a parent that moves most, 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Full:
    """Repairs all of a parent."""


@dataclass(frozen=True)
class Parent:
    """A message that a call sees, and where it stands in that call's view."""

    #: The message's number.
    id: int
    #: Position of its first token, in tokens. None: right after the end of the
    #: parent before it; 0 for the first.
    offset: int | None = None
    #: Repair in a private copy. None: as it was encoded.
    refresh: Link | Blend | Full | None = None


@dataclass(frozen=True)
class Finish:
    """Why a message ended."""

    #: `prefilled`, `end`, `stop-string`, `constraint`, `length`, `cancelled` or `budget`.
    kind: str
    #: Which of the list of stop strings, or the budget's name.
    which: int | str | None = None


@dataclass(frozen=True)
class TokenLogprob:
    """A token and its log-probability."""

    token: int
    bytes: bytes
    logprob: float


@dataclass(frozen=True)
class Logprobs:
    """The generated token and the alternatives that were asked for."""

    chosen: TokenLogprob
    top: list[TokenLogprob]


@dataclass(frozen=True)
class Decoded:
    """A message that the model wrote; a parent for later calls."""

    id: Message
    #: Header included, role and end-of-message tokens not.
    text: str
    finish: Finish
    #: Generated tokens.
    tokens: int
    #: One entry for each generated token, where alternatives were asked for.
    logprobs: list[Logprobs]

    def at(self, offset: int) -> Parent:
        """This message as a parent whose first token stands at `offset`, in tokens."""
        return self.id.at(offset)


@dataclass(frozen=True)
class Description:
    """What the host knows of a message."""

    role: Role
    name: str | None
    part: Part
    #: Length in tokens, role and end-of-message tokens included.
    tokens: int
    finish: Finish
    #: Its own labels and those it inherited.
    labels: list[str]
    #: As placed: every offset is there.
    parents: list[Parent]
    #: Where its own first token stands, in tokens.
    offset: int


@dataclass(frozen=True)
class Scored:
    """Natural log of a candidate's probability, and its tokens."""

    logprob: float
    tokens: int


@dataclass(frozen=True)
class ModelInfo:
    """The model's name, its context in tokens, and the roles it knows."""

    name: str
    context: int
    roles: list[Role]


#: What may stand in a list of parents: a message, what was decoded, a message and
#: its offset, or a `Parent`.
ParentLike = int | Decoded | tuple[int | Decoded, int] | Parent
#: What names a message.
MessageLike = int | Decoded


def text(messages: Iterable[MessageLike]) -> list[str]:
    """The texts of the messages, in their order."""
    try:
        return cast(list[str], host.text(_ids(messages)))
    except Err as failed:
        raise error(failed.value) from None


def describe(messages: Iterable[MessageLike]) -> list[Description]:
    """What the host knows of the messages, in their order."""
    try:
        return [_description(found) for found in host.describe(_ids(messages))]
    except Err as failed:
        raise error(failed.value) from None


def release(messages: Iterable[MessageLike]) -> None:
    """Says that the messages will not be named again: their room is the first to
    be given to others, and their numbers become unknown."""
    try:
        host.release(_ids(messages))
    except Err as failed:
        raise error(failed.value) from None


def placed(parents: Iterable[ParentLike]) -> list[Any]:
    """The parents in the contract's terms."""
    return [_placed(f"parents[{index}]", parent) for index, parent in enumerate(parents)]


def _placed(field: str, parent: ParentLike) -> Any:
    match parent:
        case Parent(id, offset, refresh):
            pass
        case Decoded(id=id):
            offset, refresh = None, None
        # A list of two, or two messages, are no message and its offset: a * was forgotten.
        case tuple((Decoded(id=id) | id, offset)) if not isinstance(offset, Message | Decoded):
            refresh = None
        case _:
            if not isinstance(parent, int):
                raise TypeError(
                    f"{field} is a message, what was decoded, (message, offset) or Parent, not {parent!r}: "
                    "a list is put in with *"
                )
            id, offset, refresh = parent, None, None
    if offset is not None:
        offset = whole(f"{field}.offset", offset)
    return host.Parent(whole(field, id), offset, _refresh(field, refresh))


def _refresh(field: str, refresh: Any) -> Any:
    match refresh:
        case None:
            return None
        case Link(tokens):
            return host.Refresh_Link(whole(f"{field}.refresh.tokens", tokens))
        case Blend(fraction):
            return host.Refresh_Blend(number(f"{field}.refresh.fraction", fraction))
        case Full():
            return host.Refresh_Full()
        case _:
            raise TypeError(f"{field}.refresh is Link, Blend or Full, not {refresh!r}")


def _ids(messages: Iterable[MessageLike]) -> list[int]:
    if isinstance(messages, (int, Decoded)):
        raise TypeError(f"this is a list of messages, not one: write [{messages!r}]")
    ids = (message.id if isinstance(message, Decoded) else message for message in messages)
    return [whole(f"messages[{index}]", id) for index, id in enumerate(ids)]


def decoded(found: Any) -> Decoded:
    """What the model wrote, out of the contract's terms."""
    logprobs = [
        Logprobs(_token(each.chosen), [_token(alternative) for alternative in each.top]) for each in found.logprobs
    ]
    return Decoded(Message(found.id), found.text, _finish(found.finish), found.tokens, logprobs)


def _token(found: Any) -> TokenLogprob:
    return TokenLogprob(found.token, bytes(found.bytes), found.logprob)


def _finish(found: Any) -> Finish:
    return Finish(variant("Finish", found), getattr(found, "value", None))


def _description(found: Any) -> Description:
    return Description(
        cast(Role, named(found.role)),
        found.name,
        cast(Part, named(found.part)),
        found.tokens,
        _finish(found.finish),
        list(found.labels),
        [_parent(parent) for parent in found.parents],
        found.offset,
    )


def _parent(found: Any) -> Parent:
    refresh: Link | Blend | Full | None = None
    if found.refresh is not None:
        match variant("Refresh", found.refresh):
            case "link":
                refresh = Link(found.refresh.value)
            case "blend":
                refresh = Blend(found.refresh.value)
            case _:
                refresh = Full()
    return Parent(Message(found.id), found.offset, refresh)
