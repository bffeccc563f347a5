"""How texts are sampled."""

from collections.abc import Callable
from functools import partial

from choreo import Decode

from .arguments import Arguments


def sampling(arguments: Arguments, temperature: float) -> Callable[..., Decode]:
    """`Decode` at `--temperature T`, or this one, with `--max-tokens N`, the most
    tokens of one message, or 256."""
    return partial(
        Decode,
        temperature=arguments.fraction("--temperature", temperature, 0, 10),
        max_tokens=arguments.whole("--max-tokens", 256, 1, 1_000_000),
    )
