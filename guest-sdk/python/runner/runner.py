"""Runs a script that is not built: a plan whose first argument is a bundle of sources,
`{"main": "plan.py", "files": {"plan.py": "…", "lib/words.py": "…"}}`, and whose other
arguments are the script's. It has the SDK, and of the standard library what `library`
names; other modules are those of the bundle, which come first.
"""

import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import choreo  # noqa: F401
import library
import wit_world
from choreo import _plan
from choreo._watch import watch

_plan.own.append(__file__)


class WitWorld(wit_world.WitWorld):
    def run(self, args: list[str]) -> str:
        return _plan.outcome(lambda: script(args[0]), args[1:])


def script(written: str) -> Callable[[list[str]], Any]:
    """The function `run` of a bundle's script."""
    bundle = json.loads(written)
    main = bundle["main"]
    folder, _, _ = main.rpartition("/")
    files = Files(bundle["files"], [f"{folder}/" if folder else "", ""])
    for file, source in files.sources.items():
        _plan.keep_source(file, source)
    # As elsewhere, after what the interpreter itself has, and before the library.
    sys.meta_path.insert(sys.meta_path.index(PathFinder), files)
    sys.meta_path.append(Absent())
    forget({*files.modules(), "library", "runner"})
    # Not `__main__`: the same module can be built into a component.
    name = main.rpartition("/")[2].removesuffix(".py")
    module = importlib.util.module_from_spec(files.spec(name, main))
    sys.modules[name] = module
    files.exec_module(module)
    run = getattr(module, "run", None)
    if not callable(run):
        raise SystemExit(f"{main} has no function `run`: write `def run(args)` or `async def run(args)`")
    return run


def forget(names: set[str]) -> None:
    """Takes back that these modules were imported, so that others of the name can be. The
    SDK stays, and what the interpreter itself has."""
    stay = {name for name in names if BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name)} | {"choreo"}
    for known in list(sys.modules):
        if known.partition(".")[0] in names - stay:
            del sys.modules[known]


class Files(MetaPathFinder, Loader):
    """Finds and loads the modules of a bundle."""

    def __init__(self, sources: dict[str, str], folders: list[str]) -> None:
        self.sources = sources
        #: Where imports are looked for: beside the script, then from the bundle's root.
        self.folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for folder in self.folders:
            base = folder + fullname.replace(".", "/")
            if f"{base}/__init__.py" in self.sources:
                return self.spec(fullname, f"{base}/__init__.py", is_package=True)
            if f"{base}.py" in self.sources:
                return self.spec(fullname, f"{base}.py")
            if any(known.startswith(f"{base}/") for known in self.sources):
                return ModuleSpec(fullname, None, is_package=True)
        return None

    def modules(self) -> set[str]:
        """Names of the modules, and of packages with an `__init__`, where imports start."""
        inside = ((folder, file) for folder in self.folders for file in self.sources if file.startswith(folder))
        names = (file.removeprefix(folder).removesuffix(".py").removesuffix("/__init__") for folder, file in inside)
        return {name for name in names if "/" not in name}

    def spec(self, name: str, file: str, is_package: bool = False) -> ModuleSpec:
        spec = ModuleSpec(name, self, origin=file, is_package=is_package)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        file = spec.origin if spec is not None and spec.origin is not None else ""
        code = compile(self.sources[file], file, "exec", dont_inherit=True)
        watch(code)
        exec(code, module.__dict__)


class Absent(MetaPathFinder):
    """Says why a module of the standard library is not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and fullname in sys.stdlib_module_names:
            raise ModuleNotFoundError(
                f"No module named {fullname!r} in the runner of scripts, which has a part of the standard library: "
                "`python -m choreo build` takes other modules along",
                name=fullname,
            )
        return None


library.warm()
