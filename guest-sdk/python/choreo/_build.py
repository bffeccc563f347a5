"""From a plan's module to a component, by componentize-py."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

#: What the component starts in. Imports stand here: when the plan runs, there are
#: no files to import from.
_ENTRY = '''\
"""Written by `python -m choreo build`."""

import importlib

import wit_world
from choreo import _plan

plan = importlib.import_module({module!r})
_plan.keep_sources({folders!r})
if not callable(getattr(plan, "run", None)):
    raise SystemExit({module!r} + ".py has no function `run`: write `def run(args)` or `async def run(args)`")


class WitWorld(wit_world.WitWorld):
    def run(self, args):
        return _plan.outcome(lambda: plan.run, args)
'''


def build(plan: Path, output: Path, path: Sequence[Path] = ()) -> str | None:
    """Builds the component; what is wrong, if it could not be. The plan's folder and
    those of `path` are where its imports are found."""
    if not plan.is_file():
        return f"there is no plan {plan}: name a Python file"
    with tempfile.TemporaryDirectory() as made:
        entry = Path(made)
        mounted = tuple(f"/{number}/" for number in range(len(path) + 1))
        started = _ENTRY.format(module=plan.stem, folders=mounted)
        (entry / "choreo_entry.py").write_text(started, encoding="utf-8")
        return _componentize("choreo_entry", [plan.parent, *path], entry, output)


def runner(folder: Path, output: Path) -> str | None:
    """Builds the component that runs scripts, from the modules of the folder."""
    with tempfile.TemporaryDirectory() as made:
        return _componentize("runner", [folder], Path(made), output)


def _componentize(module: str, folders: Sequence[Path], made: Path, output: Path) -> str | None:
    """Makes the module, found in the folders or in `made`, the component's start."""
    if importlib.util.find_spec("componentize_py") is None:
        return "componentize-py is not installed: `pip install componentize-py==0.25.1`"
    here = Path(__file__).parent
    shutil.copytree(here, made / "choreo", ignore=shutil.ignore_patterns("__pycache__"))
    component = made / "component.wasm"
    command = [sys.executable, "-c", "import componentize_py, sys; sys.exit(componentize_py.script())"]
    command += ["--wit-path", str(here / "choreo.wit"), "--world", "plan", "componentize", module]
    for path in [*folders, made]:
        command += ["--python-path", str(path.resolve())]
    command += ["--output", str(component)]
    # Whatever folder this is started in, its `logging.py` is not the tool's.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    if sys.prefix != sys.base_prefix:
        # Where the tool looks for packages; unset where nobody has activated it.
        environment["VIRTUAL_ENV"] = sys.prefix
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return done.stderr.strip() or done.stdout.strip()
    # Beside it first: nobody ever sees half a component.
    partial = output.with_name(f"{output.name}.partial")
    shutil.move(component, partial)
    partial.replace(output)
    return None
