"""Runs a script that is not built: a plan whose first argument is a bundle of sources,
`{"main": "plan.py", "files": {"plan.py": "…", "lib/words.py": "…"}}`, and whose other
arguments are the script's. It has the SDK, and of the standard library what `library`
names; other modules are those of the bundle.
"""

import importlib
import json
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import choreo  # noqa: F401
import library
import wit_world
from choreo import _plan

_plan.own.append(__file__)


class WitWorld(wit_world.WitWorld):
    def run(self, args: list[str]) -> str:
        return _plan.outcome(script, args)


def script(args: list[str]) -> Any:
    """What the script's `run` gives for the arguments after the bundle."""
    bundle = json.loads(args[0])
    main = bundle["main"]
    files = Files(bundle["files"])
    for file, source in files.sources.items():
        _plan.keep_source(file, source)
    sys.meta_path.insert(0, files)
    sys.meta_path.append(Absent())
    # Not `__main__`: the same module can be built into a component.
    module = files.load(main.removesuffix(".py").replace("/", "."), main)
    run = getattr(module, "run", None)
    if not callable(run):
        raise SystemExit(f"{main} has no function `run`: write `def run(args)` or `async def run(args)`")
    return run(args[1:])


class Files(MetaPathFinder, Loader):
    """Finds and loads the modules of a bundle."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def load(self, name: str, file: str) -> ModuleType:
        """The module of this file, under a name that it can be imported by."""
        spec = ModuleSpec(name, self, origin=file)
        spec.has_location = True
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        self.exec_module(module)
        return module

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        base = fullname.replace(".", "/")
        folder = f"{base}/"
        if f"{folder}__init__.py" in self.sources:
            file, package = f"{folder}__init__.py", True
        elif f"{base}.py" in self.sources:
            file, package = f"{base}.py", False
        elif any(known.startswith(folder) for known in self.sources):
            return ModuleSpec(fullname, None, is_package=True)
        else:
            return None
        spec = ModuleSpec(fullname, self, origin=file, is_package=package)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        file = spec.origin if spec is not None and spec.origin is not None else ""
        exec(compile(self.sources[file], file, "exec", dont_inherit=True), module.__dict__)


class Absent(MetaPathFinder):
    """Says why a module of the standard library is not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and fullname in sys.stdlib_module_names:
            raise ModuleNotFoundError(
                f"No module named {fullname!r} in the script runner: it has {', '.join(library.NAMES)}; "
                "`python -m choreo build` takes others along",
                name=fullname,
            )
        return None


library.warm()
