"""The event loop of a plan: tasks wait for messages that are being decoded.

While any task can go on, it does; the decodes they await meanwhile are started as
one list. Then the loop waits for the first that is finished, or has new text for a
task that reads it. A plan has no clock: time passes only while a task waits for a
message, and a sleep during which nothing is decoded takes none.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import events
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ._calls import Decode
from ._errors import Error
from ._messages import Decoded
from ._operator import remaining
from ._options import Until
from ._pending import Pending, ready, start_sent

_T = TypeVar("_T")


async def gather(*awaited: Awaitable[_T]) -> list[_T]:
    """Awaits all, decodes among them together; their results in order."""
    # Each in a task of its own: `asyncio.gather` takes the same call twice for one.
    return await asyncio.gather(*(_each(one) for one in awaited))


async def _each(awaited: Awaitable[_T]) -> _T:
    return await awaited


@dataclass
class _Wait:
    """A task that waits for a message."""

    pending: Pending
    until: Until
    future: asyncio.Future[Any]


class Loop(asyncio.BaseEventLoop):
    """Runs a plan's tasks, and sleeps in `wait-any`."""

    def __init__(self) -> None:
        super().__init__()
        # What `BaseEventLoop` asks what has happened, when no task can go on.
        self._selector = self
        self._now = 0.0
        #: What the host had left of the run's time when it was last asked, in milliseconds.
        self._left: int | None = None
        self._asked: list[tuple[Any, asyncio.Future[Pending]]] = []
        self._waits: list[_Wait] = []

    async def decode(self, call: Decode) -> Decoded:
        """Sends the call with the next list, and waits."""
        started: asyncio.Future[Pending] = self.create_future()
        self._asked.append((call._contract(), started))
        pending = await started
        try:
            return await self.finished(pending)
        except asyncio.CancelledError:
            pending.drop()
            raise

    async def finished(self, pending: Pending) -> Decoded:
        """Waits until the message is finished."""
        return cast(Decoded, await self._wait(pending, "finished"))

    async def text(self, pending: Pending) -> str | None:
        """Waits until there is new text; None at the end."""
        if pending._unread:
            return pending.read()
        return cast("str | None", await self._wait(pending, "text"))

    def _wait(self, pending: Pending, until: Until) -> asyncio.Future[Any]:
        future = self.create_future()
        self._waits.append(_Wait(pending, until, future))
        return future

    def time(self) -> float:
        """Seconds that have passed while a task waited for a message. Only where a time is
        set does it pass, and is the host asked."""
        left = remaining().get("wall-ms") if self._scheduled else None
        if self._waits and self._left is not None and left is not None:
            self._now += (self._left - left) / 1000
        self._left = left
        return self._now

    def select(self, timeout: float | None) -> list[_Wait]:
        """Starts what was asked for, or waits; the tasks that can go on."""
        # At 0 others can go on at once, and may ask for more.
        if timeout == 0 or self._start():
            return []
        self._waits = [wait for wait in self._waits if not wait.future.done()]
        if not self._waits:
            if timeout is None:
                raise RuntimeError("all tasks wait for one another: nothing is being decoded, and no time is set")
            self._now += timeout
            return []
        pendings = list(dict.fromkeys(wait.pending for wait in self._waits))
        until: Until = "text" if any(wait.until == "text" for wait in self._waits) else "finished"
        found = ready(pendings, until, None if timeout is None else max(1, math.ceil(timeout * 1000)))
        return [wait for index in found for wait in self._woken(pendings[index], until)]

    def _woken(self, pending: Pending, until: Until) -> list[_Wait]:
        """The tasks that wait for the message, answered if they can be."""
        waits = [wait for wait in self._waits if wait.pending is pending]
        try:
            piece = pending._take() if until == "text" else None
            # What nobody reads is kept for later, or it would be news for ever.
            if piece is not None and all(wait.until == "finished" for wait in waits):
                pending._unread.append(piece)
            for wait in waits:
                if wait.until == "text":
                    wait.future.set_result(piece)
                elif piece is None:
                    wait.future.set_result(pending.finish())
        except Error as failed:
            for wait in waits:
                if not wait.future.done():
                    wait.future.set_exception(failed)
        return waits

    def _start(self) -> bool:
        """Starts all that was asked for, as one list; whether there was any. A call
        that cannot start is told so, and does not keep the others."""
        asked = [(call, future) for call, future in self._asked if not future.done()]
        self._asked = []
        any_asked = bool(asked)
        while asked:
            try:
                pendings = start_sent([call for call, _ in asked])
            except Error as failed:
                blamed = asked if failed.call is None else [asked.pop(failed.call)]
                asked = [] if failed.call is None else asked
                failed.call = None
                for _, future in blamed:
                    future.set_exception(failed)
            else:
                for (_, future), pending in zip(asked, pendings, strict=True):
                    future.set_result(pending)
                asked = []
        return any_asked

    def _process_events(self, event_list: list[_Wait]) -> None:
        """Nothing: answering a future has made its task ready."""

    def _write_to_self(self) -> None:
        """Nothing: there is no other thread to be woken by."""


def current() -> Loop:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, Loop):
        raise RuntimeError("decodes are awaited in an `async def run`, whose loop is choreo's: start no other")
    return loop


def run(plan: Coroutine[Any, Any, _T]) -> _T:
    """Runs a plan to its end, and what it has left running to theirs."""
    # What componentize-py brings for another kind of world may have set its own.
    events._set_running_loop(None)
    loop = Loop()
    try:
        return loop.run_until_complete(plan)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
