"""Why a call failed: one exception for each of the contract's causes, with its evidence."""

from typing import Any, ClassVar

from ._contract import variant


class Error(Exception):
    """A call that the host refused, or a lane that failed. Each cause has a class."""

    #: The cause's name in the contract.
    cause: ClassVar[str] = ""
    #: Index of the call in its list, from 0, where one call is to blame.
    call: int | None = None

    def explain(self) -> str:
        """What happened and what to do, in one line."""
        return self.cause

    def __str__(self) -> str:
        return self.explain() if self.call is None else f"call {self.call} of the list: {self.explain()}"


class _OfMessage(Error):
    """A cause that one message is to blame for."""

    def __init__(self, message: int) -> None:
        super().__init__(message)
        #: The message's number.
        self.message = message


class _OfReason(Error):
    """A cause that is told in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        #: What the host says.
        self.reason = reason


class _OfShortage(Error):
    """A cause with numbers."""

    def __init__(self, what: str, asked: int, left: int) -> None:
        super().__init__(what, asked, left)
        #: The thing that is short.
        self.what = what
        #: What the call needed.
        self.asked = asked
        #: What there was.
        self.left = left


class UnknownMessageError(_OfMessage):
    cause = "unknown-message"

    def explain(self) -> str:
        return (
            f"message {self.message} is not known to this run: "
            "name a message that was made here and not released"
        )


class LostError(_OfMessage):
    cause = "lost"

    def explain(self) -> str:
        return (
            f"message {self.message} could not be encoded, so its descendants cannot: "
            "make it and them again"
        )


class InvalidArgumentError(_OfReason, ValueError):
    cause = "invalid-argument"

    def explain(self) -> str:
        return f"invalid argument: {self.reason}"


class ContextOverflowError(_OfShortage):
    cause = "context-overflow"

    def explain(self) -> str:
        return (
            f"{self.what} needs {self.asked} positions and the model has {self.left}: "
            "see less or decode less"
        )


class CacheFullError(_OfShortage):
    cause = "cache-full"

    def explain(self) -> str:
        return (
            f"{self.what} needs room for {self.asked} tokens at once and the cache has {self.left}: "
            "see fewer messages, or ask for a larger cache"
        )


class BudgetError(_OfShortage):
    cause = "budget"

    def explain(self) -> str:
        return (
            f"the budget {self.what} has {self.left} left and the call needs {self.asked}: "
            "ask the operator for more"
        )


class TimeOverError(_OfShortage, TimeoutError):
    cause = "timeout"

    def explain(self) -> str:
        return (
            f"the time is over ({self.what}: {self.asked} asked, {self.left} left): "
            "ask the operator for more"
        )


class LabelError(_OfMessage):
    cause = "label"

    def explain(self) -> str:
        return (
            f"message {self.message} carries a label that the call may not see: "
            "name the label in may_see or leave the parent out"
        )


class DeniedError(_OfReason):
    cause = "denied"

    def explain(self) -> str:
        return f"denied by the operator: {self.reason}"


class UnsupportedError(_OfReason):
    cause = "unsupported"

    def explain(self) -> str:
        return f"not supported by this host: {self.reason}"


class CallCancelledError(Error):
    cause = "cancelled"


class EngineError(_OfReason):
    cause = "engine"

    def explain(self) -> str:
        return f"engine: {self.reason}"


_CLASSES: dict[str, type[Any]] = {
    kind.cause: kind
    for kind in (
        UnknownMessageError,
        LostError,
        InvalidArgumentError,
        ContextOverflowError,
        CacheFullError,
        BudgetError,
        TimeOverError,
        LabelError,
        DeniedError,
        UnsupportedError,
        CallCancelledError,
        EngineError,
    )
}

for _kind in (Error, *_CLASSES.values()):
    # As people import it, and as a traceback should say it.
    _kind.__module__ = "choreo"


def error(found: Any, call: int | None = None) -> Error:
    """The exception for an error of the contract; `call`, where the list is known better here."""
    cause = found.cause
    evidence = getattr(cause, "value", None)
    if evidence is None:
        values: tuple[Any, ...] = ()
    elif isinstance(evidence, (int, str)):
        values = (evidence,)
    else:
        values = (evidence.what, evidence.asked, evidence.left)
    made: Error = _CLASSES[variant("Cause", cause)](*values)
    made.call = found.call if call is None else call
    return made
