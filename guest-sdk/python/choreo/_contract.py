"""The contract as componentize-py renders it, where there is one: in a component.

Elsewhere (a type checker, an editor, a test without a host) the package can be
imported, calls can be made, and sending one says what is missing.
"""

from typing import Any


class _Absent:
    """Stands for the host where there is none."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no host answers `{name}`: calls reach one only inside a component, under choreo-host")


try:
    from componentize_py_types import Err, Ok
    from wit_world.imports import choreo as _choreo
    from wit_world.imports import log as _log

    host: Any = _choreo
    host_log: Any = _log
except ImportError:
    host, host_log = _Absent(), _Absent()

    class Err(Exception):  # type: ignore[no-redef]
        """A failure as componentize-py hands it over."""

        def __init__(self, value: Any) -> None:
            super().__init__(value)
            self.value = value

    class Ok:  # type: ignore[no-redef]
        """A success in a list of results."""


def case(kind: str, name: str) -> Any:
    """The case `name`, as the contract spells it, of the enum `kind`."""
    return getattr(getattr(host, kind), name.replace("-", "_").upper())


def named(value: Any) -> str:
    """How the contract spells an enum's case."""
    return str(value.name).lower().replace("_", "-")


def variant(kind: str, value: Any) -> str:
    """How the contract spells a variant's case: `stop-string` of `Finish_StopString`."""
    camel = type(value).__name__.removeprefix(f"{kind}_")
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in camel).lstrip("-")
