"""What calls cost in Python: `KIND COUNT` does that many of a kind."""

from choreo import Decode, Prefill, decode, decode_all, gather, prefill, prefill_all, text


async def run(args: list[str]) -> str:
    kind, count = args[0], int(args[1])
    message = prefill("Once", role="raw")
    # Long, and every token as likely as any other.
    decodes = [Decode("Once", role="raw", parents=[message], max_tokens=120, temperature=100.0)] * 8
    match kind:
        case "text":
            for _ in range(count):
                message.text()
        case "text-list":
            for _ in range(count):
                text([message] * 64)
        case "prefill-list":
            for _ in range(count):
                prefill_all([Prefill("Once", parents=[message])] * 64)
        case "awaited":
            for _ in range(count):
                await gather(*decodes)
        case "listed":
            for _ in range(count):
                decode_all(decodes)
        case "one-by-one":
            for _ in range(count):
                for _ in decodes:
                    decode("Once", role="raw", parents=[message], max_tokens=120, temperature=100.0)
        case _:
            raise ValueError(f"no kind is called {kind}")
    return f"{count} of {kind}"
