"""What scripts have of the standard library. All of it is imported when the runner is
built: when a script runs, there are no files to import from. Each costs every start a
little, so what a plan hardly wants is left out."""

import importlib
import traceback

NAMES = (
    "abc", "argparse", "array", "ast", "asyncio", "base64", "binascii", "bisect", "calendar", "cmath", "codecs",
    "collections", "contextlib", "contextvars", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib",
    "enum", "fnmatch", "fractions", "functools", "gc", "getopt", "graphlib", "hashlib", "heapq", "hmac", "html",
    "inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache", "logging", "math", "numbers",
    "operator", "os", "pathlib", "pprint", "queue", "random", "re", "reprlib", "secrets", "shlex", "statistics",
    "string", "struct", "sys", "textwrap", "time", "tokenize", "traceback", "types", "typing", "unicodedata",
    "urllib", "uuid", "warnings", "weakref", "zlib",
)  # fmt: skip

#: What those import when it is first wanted.
_LATE = (
    "_strptime", "collections.abc", "concurrent.futures", "encodings.ascii", "encodings.cp1252", "encodings.idna",
    "encodings.latin_1", "encodings.punycode", "encodings.raw_unicode_escape", "encodings.unicode_escape",
    "encodings.utf_16", "encodings.utf_16_le", "encodings.utf_32", "encodings.utf_8_sig", "html.entities",
    "html.parser", "importlib.abc", "importlib.machinery", "importlib.util", "json.tool", "os.path",
    "string.templatelib", "urllib.parse",
)  # fmt: skip

for _name in NAMES + _LATE:
    importlib.import_module(_name)


def warm() -> None:
    """Does once what imports something when it is first done."""
    for source in ("def broken(:\n", "len(undefined)\n", "import math\nmath.pie\n", "1 / 0\n"):
        try:
            exec(compile(source, "plan.py", "exec"), {})
        except Exception as error:
            "".join(traceback.format_exception(error))
