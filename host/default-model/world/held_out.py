"""The test items: drawn from what no sampler of the training draws."""

import json
import random

from .base import ROOT, SEED
from .documents import draw_documents, draw_question, text_of
from .facts import FACTS, PHRASED, VALUE, ask, pair_is_held
from .game import PLAYERS, STRATEGIES, draw_payoffs
from .problems import draw_easy, draw_hard
from .stories import draw_words

COUNT = 200
DOCUMENTS = 12


def different(count, draw):
    """`count` problems of different texts."""
    found = {}
    while len(found) < count:
        problem = draw()
        found.setdefault(problem.text, {"problem": problem.text, "answer": problem.answer})
    return list(found.values())


def facts(rng):
    drawn = rng.sample([(f, q) for f in FACTS for q in PHRASED[f][True]], COUNT)
    return [{"question": question, "answer": VALUE[fact]} for fact, question in drawn]


def pairs(rng):
    held = [(x, y) for x in FACTS for y in FACTS if x != y and pair_is_held(x, y)]
    return [
        {"questions": [ask(rng, x, held=True), ask(rng, y, held=True)], "answers": [VALUE[x], VALUE[y]]}
        for x, y in rng.sample(held, COUNT)
    ]


def fours(rng):
    """Four questions of held-out phrasings, each two neighbours a held-out pair or not."""
    drawn = [rng.sample(FACTS, 4) for _ in range(COUNT)]
    return [{"questions": [ask(rng, f, held=True) for f in four], "answers": [VALUE[f] for f in four]} for four in drawn]


def readings(rng, documents):
    """Questions on one to four of the committed documents, in any order."""
    items = []
    for _ in range(COUNT):
        numbers = rng.sample(range(1, DOCUMENTS + 1), rng.randint(1, 4))
        question, answer = draw_question(rng, [documents[number - 1] for number in numbers], held=True)
        items.append({"documents": numbers, "question": question, "answer": answer})
    return items


def games(rng):
    """Payoffs and both strategies; which player begins."""
    items = []
    for _ in range(COUNT):
        alice, bob = (rng.choice(list(STRATEGIES)) for _ in PLAYERS)
        items.append({"payoffs": draw_payoffs(rng), "alice": alice, "bob": bob, "first": rng.choice(PLAYERS)})
    return items


def write():
    rng = random.Random(SEED + 1)
    items = {"facts": facts(rng), "pairs": pairs(rng)}
    items["problems"] = different(300, lambda: draw_easy(rng, held=True))
    rng = random.Random(SEED + 2)
    hard = different(COUNT + 100, lambda: draw_hard(rng, held=True))
    items["hard"] = hard[:COUNT]
    items["fours"] = fours(rng)
    items["words"] = [draw_words(rng, held=True) for _ in range(COUNT)]
    documents = draw_documents(rng, DOCUMENTS, held=True)
    items["documents"] = readings(rng, documents)
    items["games"] = games(rng)
    folder = ROOT / "tests" / "held_out"
    for name, rows in items.items():
        text = ",\n".join(json.dumps(row) for row in rows)
        (folder / f"{name}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    lines = [f"{p['problem']}\t{p['answer']}\n" for p in (*items["problems"][200:], *hard[COUNT:])]
    (ROOT / "workflows" / "problems.txt").write_text("".join(lines), encoding="utf-8")
    lines = [f"{text_of(facts)}\n" for facts in documents]
    (ROOT / "workflows" / "documents" / "documents.txt").write_text("".join(lines), encoding="utf-8")
