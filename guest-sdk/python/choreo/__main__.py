"""`python -m choreo build PLAN.py`: makes a plan a component."""

import argparse
import sys
from pathlib import Path

from ._build import build, runner


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m choreo", description="Makes Python plans components.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("build", help="build the plan's component")
    verb.add_argument("plan", type=Path, metavar="PLAN.py", help="a module with a function `run`")
    verb.add_argument("-o", "--output", type=Path, metavar="FILE", help="the component; PLAN.wasm without it")
    verb.add_argument(
        "--path", type=Path, metavar="FOLDER", action="append", default=[], help="another folder to import from"
    )
    verb = verbs.add_parser("runner", help="build what runs scripts as they are")
    verb.add_argument("plan", type=Path, metavar="FOLDER", help="the SDK's folder `runner`")
    verb.add_argument("-o", "--output", type=Path, metavar="FILE", default=Path("py.wasm"))
    given = parser.parse_args()
    output = given.output or given.plan.with_suffix(".wasm")
    if given.verb == "runner":
        failed = runner(given.plan, output)
    else:
        failed = build(given.plan, output, given.path)
    if failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1
    print(f"{output} ({-(-output.stat().st_size // 1000)} KB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
