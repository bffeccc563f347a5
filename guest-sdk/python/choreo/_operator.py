"""What the operator grants, and what the operator is told."""

from collections.abc import Iterable
from typing import cast

from ._contract import Err, host, host_log, named
from ._errors import error
from ._messages import ModelInfo
from ._options import Level, Part, Role, checked, choice, string, strings, whole


def remaining() -> dict[str, int]:
    """What is left of every limited thing, by its name."""
    return {budget.name: budget.left for budget in host.remaining()}


def limit(name: str, left: int) -> None:
    """Lowers the limit of the thing that `remaining` calls `name` to `left`; never raises one."""
    budget = host.Budget(string("name", name), whole("left", left, 2**64 - 1))
    try:
        host.limit(budget)
    except Err as failed:
        raise error(failed.value) from None


def model() -> ModelInfo:
    """The model's name, its context in tokens, and the roles it knows."""
    found = host.model()
    return ModelInfo(found.name, found.context, [cast(Role, named(role)) for role in found.roles])


def count_tokens(texts: Iterable[str], role: Role = "user", part: Part = "whole") -> list[int]:
    """Tokens that prefilling each text would add, role and end-of-message included."""
    asked = choice("role", "Role", role), choice("part", "Part", part), strings("texts", texts)
    try:
        return cast(list[int], host.count_tokens(*asked))
    except Err as failed:
        raise error(failed.value) from None


def log(level: Level, text: str) -> None:
    """Writes to the run's log. The host bounds lines and their number."""
    checked("level", "Level", level)
    host_log.log(getattr(host_log.Level, level.upper()), string("text", text))
