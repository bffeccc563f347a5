"""Eight decodes of so many tokens: in a list, awaited together, or one by one.

Arguments: `eight`, the way, and the tokens of each.
"""

import sys

from choreo import Decode, Decoded, Regex, decode_all, gather, prefill


async def run(args: list[str]) -> str:
    if len(args) != 3 or args[0] != "eight":
        sys.exit(f"no behaviour is called {args}")
    question = prefill("What pet does Halan have?")
    lanes = [
        Decode(
            f"{lane}:",
            parents=[question],
            temperature=1.0,
            max_tokens=int(args[2]),
            constraint=Regex("[a-z ]{4000}"),
        )
        for lane in range(8)
    ]
    return "".join(f"{each.text}\n" for each in await decoded(lanes, args[1]))


async def decoded(lanes: list[Decode], way: str) -> list[Decoded]:
    match way:
        case "list":
            return decode_all(lanes)
        case "awaited":
            return await gather(*lanes)
        case "apart":
            return [await lane for lane in lanes]
    sys.exit(f"no way is called {way}")
