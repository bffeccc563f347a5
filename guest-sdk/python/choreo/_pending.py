"""Messages that are being decoded while the plan goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from typing import Any, cast

from ._calls import Decode
from ._contract import Err, host
from ._errors import error
from ._messages import Decoded, decoded
from ._options import Until, choice, whole
from ._send import lowered


class Pending:
    """A message being decoded.

    `await` gives the finished message, `async for` its text as it grows; without
    `await`, `finish()` and `for` do. Dropping it, or leaving its `with`, cancels; a
    message that neither `finish` nor `cancel` has given then cannot be named.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        #: Text that the event loop has taken from the host while no task was reading.
        self._unread: list[str] = []

    def read(self) -> str | None:
        """New text since the last read, cut at whole characters; None at the end.
        The header comes with the first of it. Blocks until there is some."""
        if self._unread:
            piece = "".join(self._unread)
            self._unread.clear()
            return piece
        return self._take()

    def _take(self) -> str | None:
        """The same of the host alone."""
        try:
            return cast(str | None, self._handle.read())
        except Err as failed:
            raise error(failed.value) from None

    def finish(self) -> Decoded:
        """Blocks until the message is finished. Afterwards, the same again."""
        try:
            return decoded(self._handle.finish())
        except Err as failed:
            raise error(failed.value) from None

    def cancel(self) -> Decoded:
        """Ends the message now and keeps what it has."""
        try:
            return decoded(self._handle.cancel())
        except Err as failed:
            raise error(failed.value) from None

    def drop(self) -> None:
        """Cancels the message, unless it is finished, and lets go of it."""
        self._handle.__exit__(None, None, None)

    def __enter__(self) -> Pending:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def __iter__(self) -> Iterator[str]:
        while (piece := self.read()) is not None:
            yield piece

    def __await__(self) -> Generator[Any, None, Decoded]:
        from ._loop import current

        return current().finished(self).__await__()

    async def __aiter__(self) -> AsyncIterator[str]:
        from ._loop import current

        while (piece := await current().text(self)) is not None:
            yield piece


def start_all(calls: Iterable[Decode]) -> list[Pending]:
    """Starts generating messages in parallel and returns at once."""
    return start_sent(lowered(calls, Decode))


def start_sent(sent: list[Any]) -> list[Pending]:
    """The same of calls in the contract's terms."""
    try:
        return [Pending(handle) for handle in host.start_decode(sent)]
    except Err as failed:
        raise error(failed.value) from None


def wait_any(pendings: Sequence[Pending], until: Until, timeout_ms: int | None = None) -> list[int]:
    """Blocks until at least one has new text or has finished, or the time is over;
    the indexes of all that have, ascending."""
    unread = {index for index, pending in enumerate(pendings) if pending._unread and until == "text"}
    return sorted(unread.union(ready(pendings, until, 0 if unread else timeout_ms)))


def ready(pendings: Sequence[Pending], until: Until, timeout_ms: int | None = None) -> list[int]:
    """The same of the host alone."""
    handles = [pending._handle for pending in pendings]
    time = None if timeout_ms is None else whole("timeout_ms", timeout_ms)
    try:
        return cast(list[int], host.wait_any(handles, choice("until", "Until", until), time))
    except Err as failed:
        raise error(failed.value) from None
