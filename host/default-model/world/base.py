"""What every skill needs: prompts of the workflows, messages, and the hash that holds items out."""

import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SEED = 20251


@functools.cache
def read(path):
    return (ROOT / "workflows" / path).read_text(encoding="utf-8")


def prompt(path, **slots):
    """A workflow's prompt file; `slots` fills its {slots}; a blank left at the end goes."""
    text = read(path)
    for slot, value in slots.items():
        text = text.replace("{" + slot + "}", str(value))
    return text.rstrip()


def message(role, content, loss=False, header=""):
    """`header` is encoded apart and never learnt: the plan gives it."""
    return {"role": role, "header": header, "content": content, "loss": loss}


def said(header, text):
    """An assistant's message that is only read."""
    return message("assistant", text, header=header)


def learnt(header, text):
    """An assistant's message that is to be learnt."""
    return message("assistant", text, loss=True, header=header)


def bucket(*key):
    """A number in 0..999 that depends on `key` alone."""
    text = "|".join(str(part) for part in (SEED, *key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 1000
