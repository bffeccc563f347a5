"""Running a plan: what it returns is the run's result, what it raises the run's error."""

from __future__ import annotations

import inspect
import linecache
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ._contract import Err
from ._loop import run
from ._options import string

#: What to let go of so that an end for want of memory can be told.
_reserve = bytearray(256 << 10)
#: Whose frames are not the plan's: where the package's own files are, and those of what it stands on.
own = [__file__.rpartition("/")[0] + "/", "<frozen ", "<string>", "/python/", "/bundled/"]


def outcome(find: Callable[[], Callable[[list[str]], Any]], args: list[str]) -> str:
    """The result of the plan, the function that `find` gives. Its exception goes to
    standard error with its frames, and is the run's error in one line; the text of a
    `sys.exit` is that error as it is."""
    try:
        plan = find()
        result = plan(args)
        if inspect.iscoroutine(result):
            result = run(result)
        if not isinstance(result, str):
            raise TypeError(f"`run` returned {_shown(result)}, and a plan's result is a string{_defined(plan)}")
        return string("the plan's result", result)
    except SystemExit as exit:
        raise Err(_printable(_exited(exit.code))) from None
    except BaseException as error:
        raise Err(_printable(report(error))) from None


def report(error: BaseException) -> str:
    """Prints the exception and the plan's own frames; what happened, in one line."""
    if isinstance(error, MemoryError):
        _reserve.clear()
    frames = [frame for frame in _frames(error.__traceback__) if not frame.filename.startswith(tuple(own))]
    told = traceback.TracebackException(type(error), error, None, compact=True)
    told.stack = traceback.StackSummary.from_list(frames)
    sys.stderr.write("".join(told.format()))
    what = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({_place(error.filename or '?', error.lineno)})"
    if isinstance(error, MemoryError) and not str(error):
        what = ["MemoryError: the plan's memory is full: hold less, or have --memory-mib raised"]
    line = what[0] if what else type(error).__name__
    return f"{line} ({_place(frames[-1].filename, frames[-1].lineno)})" if frames else line


def keep_sources(folders: tuple[str, ...]) -> None:
    """Keeps the lines of the modules that were read from the folders, for tracebacks:
    there are no files when the plan runs."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and file.startswith(folders):
            keep_source(file, "".join(linecache.getlines(file)))


def keep_source(file: str, source: str) -> None:
    """Keeps the lines of one file, without a date: nothing looks whether it changed."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)


def _frames(found: TracebackType | None) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(found))


def _place(file: str, line: int | None) -> str:
    # componentize-py reads the folders of a build from `/0/`, `/1/` and so on.
    first, _, rest = file.removeprefix("/").partition("/")
    return f"{rest if first.isdigit() and rest else file}:{line}"


def _exited(code: Any) -> str:
    if isinstance(code, str):
        return code
    return f"the plan ended itself (exit code {code}) and gave no result: return from `run` instead"


def _shown(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def _defined(plan: Any) -> str:
    code = getattr(plan, "__code__", None)
    return "" if code is None else f" ({_place(code.co_filename, code.co_firstlineno)})"


def _printable(text: str) -> str:
    # Half a character is no text, and would trap.
    return text.encode(errors="backslashreplace").decode()
