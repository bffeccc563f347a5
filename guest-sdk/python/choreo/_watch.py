"""Watching a script's loops, so that one without an end is told with its file and line.

Each jump back in the script's own code is counted (0.2 µs); at times the host is asked
what is left. The host's own limits hold all the same: what they end has no line.
"""

import sys
from types import CodeType

from ._contract import host

#: Jumps after which the host is asked.
_JUMPS = 1 << 14
#: What has to be left: time to tell what happened, and room.
_LEFT = {"cpu-ms": 500, "memory-bytes": 2 << 20}

_jumps = sys.monitoring.events.JUMP
_tool = sys.monitoring.PROFILER_ID
_count = 0


class OutOfTime(BaseException):
    """The plan's processor time is as good as used up. No `except Exception` holds it."""

    def __init__(self) -> None:
        super().__init__("the plan has used its processor time: raise --cpu-ms if it should have more")


OutOfTime.__module__ = "choreo"


def watch(code: CodeType) -> None:
    """Watches the loops of this code and of what is defined in it."""
    if sys.monitoring.get_tool(_tool) is None:
        sys.monitoring.use_tool_id(_tool, "choreo")
        sys.monitoring.register_callback(_tool, _jumps, _jumped)
    sys.monitoring.set_local_events(_tool, code, _jumps)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            watch(inner)


def _jumped(code: CodeType, at: int, to: int) -> object:
    global _count
    if to > at:
        return sys.monitoring.DISABLE
    _count += 1
    if _count == _JUMPS:
        _count = 0
        _ask()
    return None


def _ask() -> None:
    for budget in host.remaining():
        if budget.left < _LEFT.get(budget.name, 0):
            raise OutOfTime if budget.name == "cpu-ms" else MemoryError
