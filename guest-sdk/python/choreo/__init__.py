"""What the author of a choreo plan imports.

A plan is a program that says which messages a language model reads and writes,
and which earlier messages each of them sees: its parents. It is a module with a
function `run`, plain or `async`, that takes the run's arguments and returns the
run's result, a string::

    from choreo import Decode, decode, gather, prefill

    async def run(args: list[str]) -> str:
        question = prefill(args[0])
        agents = [Decode(f"From Agent {n}:\\n", parents=[question]) for n in (1, 2, 3)]
        opinions = await gather(*agents)            # all at once
        return decode("", parents=[question, *opinions]).text

`Prefill`, `Decode` and `Score` are calls: frozen dataclasses that do nothing yet.
A list of them is the parallelism (`decode_all`), and so are awaited ones; the
functions with small letters do one call now. Names are those of the contract,
`choreo.wit` beside this file. Calls reach a host only inside a component.
"""

from ._calls import Decode, Prefill, Score
from ._errors import (
    BudgetError,
    CacheFullError,
    CallCancelledError,
    ContextOverflowError,
    DeniedError,
    EngineError,
    Error,
    InvalidArgumentError,
    LabelError,
    LostError,
    TimeOverError,
    UnknownMessageError,
    UnsupportedError,
)
from ._loop import gather
from ._messages import (
    Blend,
    Decoded,
    Description,
    Finish,
    Full,
    Link,
    Logprobs,
    Message,
    ModelInfo,
    Parent,
    ParentLike,
    Scored,
    TokenLogprob,
    describe,
    release,
    text,
)
from ._operator import count_tokens, limit, log, model, remaining
from ._options import Constraint, JsonSchema, Level, OneOf, OnViolation, Part, Regex, Role, Until
from ._pending import Pending, start_all, wait_any
from ._send import decode, decode_all, decode_each, prefill, prefill_all, score, score_all

__all__ = [
    "Blend",
    "BudgetError",
    "CacheFullError",
    "CallCancelledError",
    "Constraint",
    "ContextOverflowError",
    "Decode",
    "Decoded",
    "DeniedError",
    "Description",
    "EngineError",
    "Error",
    "Finish",
    "Full",
    "InvalidArgumentError",
    "JsonSchema",
    "LabelError",
    "Level",
    "Link",
    "Logprobs",
    "LostError",
    "Message",
    "ModelInfo",
    "OnViolation",
    "OneOf",
    "Parent",
    "ParentLike",
    "Part",
    "Pending",
    "Prefill",
    "Regex",
    "Role",
    "Score",
    "Scored",
    "TimeOverError",
    "TokenLogprob",
    "UnknownMessageError",
    "UnsupportedError",
    "Until",
    "count_tokens",
    "decode",
    "decode_all",
    "decode_each",
    "describe",
    "gather",
    "limit",
    "log",
    "model",
    "prefill",
    "prefill_all",
    "release",
    "remaining",
    "score",
    "score_all",
    "start_all",
    "text",
    "wait_any",
]
