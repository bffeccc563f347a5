"""Sending calls, and waiting for what comes of them."""

from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from ._calls import Decode, Prefill, Score
from ._contract import Err, Ok, host
from ._errors import Error, error
from ._messages import Decoded, Message, Scored
from ._messages import decoded as _decoded

_C = TypeVar("_C")
_R = TypeVar("_R")
_P = ParamSpec("_P")


def prefill_all(calls: Iterable[Prefill]) -> list[Message]:
    """Adds messages that do not see one another: all of them, or none. Their
    encoding may happen later."""
    sent = lowered(calls, Prefill)
    try:
        return [Message(id) for id in host.prefill(sent)]
    except Err as failed:
        raise error(failed.value) from None


def decode_each(calls: Iterable[Decode]) -> list[Decoded | Error]:
    """Generates messages in parallel, each with a result of its own: what was
    decoded, or why not."""
    sent = lowered(calls, Decode)
    try:
        lanes = host.decode(sent)
    except Err as failed:
        raise error(failed.value) from None
    return [
        _decoded(lane.value) if isinstance(lane, Ok) else error(lane.value, index) for index, lane in enumerate(lanes)
    ]


def decode_all(calls: Iterable[Decode]) -> list[Decoded]:
    """Generates messages in parallel, all of them or an error: that of the list, or
    else that of the first lane that failed."""
    lanes = decode_each(calls)
    for lane in lanes:
        if isinstance(lane, Error):
            raise lane
    return lanes  # type: ignore[return-value]


def score_all(calls: Iterable[Score]) -> list[list[Scored]]:
    """Scores the candidates of several calls; for each call, theirs in order."""
    sent = lowered(calls, Score)
    try:
        found = host.score(sent)
    except Err as failed:
        raise error(failed.value) from None
    return [[Scored(each.logprob, each.tokens) for each in candidates] for candidates in found]


def lowered(calls: Iterable[Any], kind: type[Any]) -> list[Any]:
    """The calls in the contract's terms; what is wrong in one of them is told with
    its index."""
    sent = []
    for index, call in enumerate(calls):
        if not isinstance(call, kind):
            raise TypeError(f"call {index} of the list is {kind.__name__}(…), not {call!r}")
        try:
            sent.append(call._contract())
        except (TypeError, ValueError) as wrong:
            wrong.add_note(f"in call {index} of the list, {kind.__name__}")
            raise
    return sent


def _one(kind: Callable[_P, _C], send: Callable[[list[_C]], list[_R]]) -> Callable[_P, _R]:
    """A function with a call's fields that sends the call alone."""

    def sent(*args: _P.args, **fields: _P.kwargs) -> _R:
        return send([kind(*args, **fields)])[0]

    return sent


prefill = _one(Prefill, prefill_all)
prefill.__doc__ = "Adds a message: the fields are those of `Prefill`."
decode = _one(Decode, decode_all)
decode.__doc__ = "Generates a message and waits for it: the fields are those of `Decode`."
score = _one(Score, score_all)
score.__doc__ = "Scores candidates, in their order: the fields are those of `Score`."
