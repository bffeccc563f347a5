"""Every function and option of the contract, from Python; what is not as it should be
is an AssertionError with its line."""

import asyncio

import choreo
from choreo import Decode, JsonSchema, OneOf, Parent, Prefill, Regex, Score, gather


async def run(args: list[str]) -> str:
    system = choreo.prefill("You know some people well.", role="system")
    question = Prefill("What pet does Halan have?", parents=[(system, 3)], offset=40)
    first, second = choreo.prefill_all([question, Prefill("Two")])
    assert (system, first, second) == (1, 2, 3)
    assert choreo.text([system, first]) == ["You know some people well.", "What pet does Halan have?"]
    described = first.describe()
    assert (described.role, described.part, described.name, described.labels) == ("user", "whole", None, [])
    assert described.parents == [Parent(1, 3)] and described.offset == 40 and described.finish.kind == "prefilled"
    assert choreo.count_tokens(["What pet does Halan have?"]) == [described.tokens]
    opened = choreo.prefill("One", part="open")
    assert choreo.describe([opened])[0].part == "open"

    options = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.01, "repetition_penalty": 1.1, "seed": 9}
    answer = choreo.decode("So: ", parents=[system, first.at(60)], max_tokens=6, top_logprobs=2, **options)
    assert answer.text.startswith("So: ") and answer.finish.kind in ("length", "end")
    assert len(answer.logprobs) == answer.tokens and answer.at(80) == Parent(answer.id, 80)
    chosen = answer.logprobs[0].chosen
    assert chosen.logprob <= 0 and isinstance(chosen.bytes, bytes) and len(answer.logprobs[0].top) == 2
    stopped = choreo.decode("", parents=[system, first], stop=["Halan", "fox"], max_tokens=30)
    assert (stopped.finish.kind, stopped.finish.which) == ("stop-string", 0), stopped
    held = choreo.decode_all(
        Decode("", parents=[(answer, 80)], constraint=constraint, max_tokens=30)
        for constraint in (OneOf(["yes", "no"]), Regex("[0-9]{2}"), JsonSchema({"type": "boolean"}))
    )
    texts = [each.text for each in held]
    assert texts[0] in ("yes", "no") and texts[1].isdigit() and texts[2] in ("true", "false"), texts
    assert {each.finish.kind for each in held} == {"constraint"}
    assert len(await gather(*[Decode("x", parents=[first], max_tokens=3)] * 2)) == 2

    one, two, three = choreo.start_all(Decode(f"{n}:", role="raw", temperature=100, max_tokens=40) for n in (1, 2, 3))
    assert choreo.wait_any([one, two], "text", 60_000)
    assert (one.read() or "").startswith("1:")
    assert one.cancel().finish.kind in ("cancelled", "length", "end")
    pieces = [piece async for piece in two]
    assert "".join(pieces) == (await two).text and two.finish() == await two
    with three:
        assert next(iter(three)).startswith("3:")
    assert [choreo.wait_any([two], "finished"), "".join(Decode("4", max_tokens=3).start())[0]] == [[0], "4"]

    scored = choreo.score("", [" fox", " cat"], parents=[system, first], with_end=True)
    assert scored == choreo.score_all([Score("", [" fox", " cat"], parents=[system, first], with_end=True)])[0]
    assert all(each.logprob < 0 and each.tokens >= 1 for each in scored)
    model = choreo.model()
    assert model.context > 100 and "system" in model.roles
    choreo.limit("calls", 30)
    assert choreo.remaining()["calls"] == 30
    choreo.log("warn", "a line of the log")

    second.release()
    refused = {
        "unknown-message": lambda: second.text(),
        "unsupported": lambda: choreo.decode("x", parents=[Parent(first, refresh=choreo.Full())]),
        "invalid-argument": lambda: choreo.decode("x", temperature=-1),
        "context-overflow": lambda: choreo.prefill("x", offset=4_000_000),
        "budget": lambda: choreo.prefill_all([Prefill("x")] * 31),
    }
    for cause, call in refused.items():
        try:
            call()
        except choreo.Error as error:
            assert error.cause == cause, (cause, error)
        else:
            raise AssertionError(f"{cause} was not raised")
    lanes = choreo.decode_each([Decode("x", parents=[first], max_tokens=1)] * 2)
    assert all(isinstance(lane, choreo.Decoded) for lane in lanes)
    try:
        choreo.prefill_all([Prefill("x"), Prefill("x", parents=[999])])
    except choreo.UnknownMessageError as error:
        assert (error.message, error.call) == (999, 1) and "call 1 of the list: message 999" in str(error)
    else:
        raise AssertionError("a message that nobody knows was seen")

    # Time passes beside a task that always has something to read soon, too.
    long = Decode("", temperature=100, constraint=Regex("[a-z ]{4000}"), max_tokens=4000)
    read, awaited = choreo.start_all([long, long])
    with read, awaited:
        awaited.read()
        reading = asyncio.create_task(joined(read))
        try:
            await asyncio.wait_for(awaited, 0.2)
        except TimeoutError as over:
            assert not isinstance(over, choreo.Error) and not reading.done()
        else:
            raise AssertionError("the time was not over")
        reading.cancel()

    # What one task only awaits while another reads is there to be read afterwards.
    read, *awaited = choreo.start_all(Decode(header, max_tokens=8) for header in ("x", "y", "z"))
    piece, *whole = await gather(joined(read), *awaited)
    assert piece == (await read).text
    assert ["".join(awaited[0]), await joined(awaited[1])] == [each.text for each in whole]
    assert awaited[0].read() is None

    # A call can be sent twice, whatever it was made of.
    call = Decode(
        "x",
        parents=(parent for parent in [system]),
        stop=(text for text in ["fox"]),
        constraint=OneOf(text for text in ["yes", "no"]),
    )
    for sent in await gather(call, call):
        assert sent.text in ("xyes", "xno") and [parent.id for parent in sent.id.describe().parents] == [system]
    for call in (Prefill("x", labels=iter(["a"])), Decode("x", labels=iter(["a"])), Decode("x", may_see=iter(["a"]))):
        for _ in range(2):
            lanes = choreo.prefill_all if isinstance(call, Prefill) else choreo.decode_each
            try:
                lanes([call])
            except choreo.UnsupportedError as error:
                assert "labels" in error.reason
            else:
                raise AssertionError(f"{call} was sent without its labels")
    scoring = Score("", iter([" fox"]), parents=[system])
    assert [len(candidates) for candidates in choreo.score_all([scoring] * 2)] == [1, 1]
    for parents in ([[system, first]], [(system, first)]):
        try:
            choreo.decode("x", parents=parents)
        except TypeError as error:
            assert "a list is put in with *" in str(error)
        else:
            raise AssertionError(f"{parents} are no message and its offset")
    return "as it should be"


async def joined(pending: choreo.Pending) -> str:
    return "".join([piece async for piece in pending])
