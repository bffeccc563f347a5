"""From a plan's module to a component, by componentize-py."""

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
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as made:
        entry = Path(made)
        shutil.copytree(here, entry / "choreo", ignore=shutil.ignore_patterns("__pycache__"))
        mounted = tuple(f"/{number}/" for number in range(len(path) + 1))
        started = _ENTRY.format(module=plan.stem, folders=mounted)
        (entry / "choreo_entry.py").write_text(started, encoding="utf-8")
        folders = [plan.resolve().parent, *(folder.resolve() for folder in path), entry]
        made_here = entry / "component.wasm"
        failed = componentize("choreo_entry", folders, made_here)
        if failed is None:
            # Beside it first: nobody ever sees half a component.
            partial = output.with_name(output.name + ".partial")
            shutil.move(made_here, partial)
            partial.replace(output)
        return failed


def componentize(module: str, folders: Sequence[Path], output: Path) -> str | None:
    """Makes the module, found in the folders, the component's start."""
    command = [_tool(), "--wit-path", str(Path(__file__).with_name("choreo.wit")), "--world", "plan", "componentize"]
    for folder in folders:
        command += ["--python-path", str(folder)]
    try:
        done = subprocess.run([*command, module, "--output", str(output)], capture_output=True, text=True, check=False)
    except OSError as failed:
        return f"componentize-py does not start ({failed}): install it with `pip install componentize-py==0.25.1`"
    if done.returncode != 0:
        return done.stderr.strip() or done.stdout.strip()
    return None


def _tool() -> str:
    beside = Path(sys.executable).with_name("componentize-py")
    return str(beside) if beside.exists() else "componentize-py"
