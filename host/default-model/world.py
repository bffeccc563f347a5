"""The synthetic world that the default model is trained in.

The skills: stored facts, sums, two-step word problems, and the turns of a debate.
A sample is a list of messages, {"role", "content", "loss"}; only messages with
"loss" are learnt. Held-out items are chosen by a hash, so no sampler here can
produce them unless it is asked for `held=True`.

    python world.py            writes tests/held_out/*.json and workflows/problems.txt
"""

import hashlib
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = 20251
LARGEST = 60  # no step of a correct solution leaves 0..60


def prompt(path):
    return (ROOT / "workflows" / path).read_text(encoding="utf-8")


MULTIQA_SYSTEM = prompt("multiqa/prompts/system.txt")
MULTIQA_QUESTION = prompt("multiqa/prompts/question.txt")
CONVERSATION_SYSTEM = prompt("conversation/prompts/system.txt")
MADPAR_SOLVE = prompt("madpar/prompts/solve.txt")
MADPAR_UPDATE = prompt("madpar/prompts/update.txt")


def message(role, content, loss=False):
    return {"role": role, "content": content, "loss": loss}


def bucket(*key):
    """A number in 0..999 that depends on `key` alone."""
    text = "|".join(str(part) for part in (SEED, *key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 1000


# ---------------------------------------------------------------- facts

NAMES = [
    first + second
    for first in "Mi Do Ka Lu Ne Ro Sa Te Vi Bo Ze Ha".split()
    for second in "ra lan vek min dor sia tol nip rus gan".split()
]

VALUES = {
    "city": "Oslo Paris Rome Cairo Lima Delhi Tokyo Seoul Bern Dublin Athens Quito Tunis Accra Hanoi "
    "Prague Vienna Lisbon Madrid Warsaw Riga Nairobi Havana Boston Chicago Sydney Perth Lagos Kyoto Porto".split(),
    "colour": "red blue green yellow purple orange pink brown black white grey gold silver violet scarlet cream".split(),
    "pet": "cat dog horse rabbit parrot hamster goat turtle snake lizard pony duck goose ferret mouse "
    "spider frog donkey pig sheep hen crow falcon fox".split(),
    "food": "rice bread soup pasta pizza cheese salad curry cake pie fish beans noodles pancakes toast porridge "
    "stew honey dumplings chocolate yogurt tofu corn potatoes lentils mushrooms waffles sushi tacos olives".split(),
}

PHRASINGS = {
    "city": [
        "Where does {n} live?",
        "Which city does {n} live in?",
        "In which city does {n} live?",
        "What is the home town of {n}?",
        "What city is home to {n}?",
        "Tell me the city of {n}.",
        "Name the city where {n} lives.",
        "{n} lives in which city?",
    ],
    "colour": [
        "What is the favourite colour of {n}?",
        "Which colour does {n} like best?",
        "What colour does {n} like most?",
        "Tell me the favourite colour of {n}.",
        "Name the colour that {n} likes.",
        "{n} likes which colour?",
        "Which colour would {n} choose?",
        "What colour does {n} love?",
    ],
    "pet": [
        "What pet does {n} have?",
        "Which animal does {n} keep?",
        "What is the pet of {n}?",
        "Tell me the pet of {n}.",
        "Name the animal that {n} keeps.",
        "{n} has which pet?",
        "Which pet lives with {n}?",
        "What kind of animal does {n} own?",
    ],
    "food": [
        "What is the favourite food of {n}?",
        "Which food does {n} like best?",
        "What does {n} like to eat?",
        "Tell me the favourite food of {n}.",
        "Name the food that {n} loves.",
        "{n} eats which food?",
        "Which dish would {n} order?",
        "What does {n} eat most?",
    ],
}

SENTENCES = {
    "city": "{n} lives in {v}.",
    "colour": "{n} likes {v}.",
    "pet": "{n} has a {v}.",
    "food": "{n} eats {v}.",
}

FACTS = list(itertools.product(NAMES, VALUES))


def _values():
    rng = random.Random(SEED)
    return {(name, attribute): rng.choice(VALUES[attribute]) for name, attribute in FACTS}


VALUE = _values()


def _phrasings():
    """Per fact: (the phrasings met in training, the two that never are)."""
    split = {}
    for name, attribute in FACTS:
        order = sorted(PHRASINGS[attribute], key=lambda p: hashlib.sha256(f"{SEED}{name}{p}".encode()).digest())
        split[name, attribute] = ([p.format(n=name) for p in order[2:]], [p.format(n=name) for p in order[:2]])
    return split


PHRASED = _phrasings()


def ask(rng, fact, held=False):
    return rng.choice(PHRASED[fact][held])


def pair_is_held(first, second):
    return bucket("pair", first, second) < 100


def draw_facts(rng, count):
    """`count` different facts, no neighbours of which are a held-out pair."""
    while True:
        facts = rng.sample(FACTS, count)
        if not any(pair_is_held(x, y) for x, y in itertools.pairwise(facts)):
            return facts


def multiqa_messages(questions):
    asked = [
        message("user", MULTIQA_QUESTION.replace("{number}", str(i)).replace("{question}", question))
        for i, question in enumerate(questions, 1)
    ]
    return [message("system", MULTIQA_SYSTEM), *asked]


def numbered(values):
    return "\n".join(f"{i}. {value}" for i, value in enumerate(values, 1))


def multiqa(rng):
    facts = draw_facts(rng, rng.choices([1, 2], [35, 65])[0])
    answer = numbered([VALUE[fact] for fact in facts])
    return [*multiqa_messages([ask(rng, fact) for fact in facts]), message("assistant", answer, loss=True)]


def conversation(rng):
    messages = [message("system", CONVERSATION_SYSTEM)]
    for fact in draw_facts(rng, rng.randint(1, 4)):
        messages.append(message("user", ask(rng, fact)))
        sentence = SENTENCES[fact[1]].format(n=fact[0], v=VALUE[fact])
        messages.append(message("assistant", sentence, loss=True))
    return messages


# ---------------------------------------------------------------- word problems

OBJECTS = (
    "apples pears plums coins books shells stones beads stamps cards pens cups "
    "eggs nuts buttons marbles candles keys flowers ribbons tickets stickers cookies figs"
).split()

# text, and two steps: the operation and its right-hand side (a number, or the letter of one).
# The first step starts from a, the second from the result of the first.
TEMPLATES = [
    ("{n} has {a} {o}. {P} buys {b} more, then doubles them. How many {o} now?", "+b", "*2"),
    ("{n} has {a} {o}. {P} finds {b} more and then gives away {c}. How many {o} are left?", "+b", "-c"),
    ("{n} had {a} {o} and lost {b}. Then {p} bought {c}. How many {o} now?", "-b", "+c"),
    ("{n} fills {a} bags with {b} {o} each. {P} eats {c}. How many {o} are left?", "*b", "-c"),
    ("{n} fills {a} boxes with {b} {o} each and finds {c} more. How many {o} in all?", "*b", "+c"),
    ("{n} has {a} {o}. {P} loses half of them and then gets {c} more. How many {o} now?", "/2", "+c"),
    ("{n} has {a} {o}. {P} sells {b}, then sells {c} more. How many {o} are left?", "-b", "-c"),
    ("{n} picks {a} {o} on Monday, {b} on Tuesday and {c} on Friday. How many {o} in all?", "+b", "+c"),
    ("{n} has {a} {o}. {m} has {b} more than {n}. How many {o} do they have together?", "+b", "+a"),
    ("{n} has {a} {o}. {m} has twice as many, but then gives away {c}. How many {o} does {m} have?", "*2", "-c"),
    ("{n} doubles the {a} {o} in a box and then adds {c}. How many {o} are in the box?", "*2", "+c"),
    ("{n} has {a} {o} and gives {b} to {m}. The rest are doubled. How many {o} does {n} have?", "-b", "*2"),
    ("A shop has {a} {o}. {n} brings {b} and {m} takes {c}. How many {o} are in the shop?", "+b", "-c"),
    ("A shop has {a} {o}. {n} takes {b} and {m} brings {c}. How many {o} are in the shop?", "-b", "+c"),
    ("{n} reads {a} pages a day for {b} days, then {c} pages more. How many pages in all?", "*b", "+c"),
    ("{n} earns {a} coins a day for {b} days and spends {c}. How many coins are left?", "*b", "-c"),
    ("{n} shares {a} {o} with {m}, half each. Then {n} loses {c}. How many {o} does {n} have?", "/2", "-c"),
    ("{n} and {m} have {a} and {b} {o}. They put them together and share them, half each. How many each?", "+b", "/2"),
    ("A bus has {a} people. At the stop {b} get off and {c} get on. How many people are on the bus?", "-b", "+c"),
    ("A bus has {a} people. At the stop {b} get on and {c} get off. How many people are on the bus?", "+b", "-c"),
    ("{n} walks {a} miles and then {b} miles, three times over. How many miles in all?", "+b", "*3"),
    ("{n} is {a} years old. {m} is {b} years older. How old will {m} be in {c} years?", "+b", "+c"),
    ("{n} is {a} years old. {m} is twice as old. How old was {m} {c} years ago?", "*2", "-c"),
    ("{n} cuts {a} cakes into {b} pieces each. {m} takes {c} pieces. How many pieces are left?", "*b", "-c"),
    ("{n} has {a} {o}, loses {b}, and splits the rest into two equal piles. How many {o} in each?", "-b", "/2"),
    ("{n} has {a} {o}. {m} has three times as many and finds {c}. How many {o} does {m} have?", "*3", "+c"),
]

APPLY = {"+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x // y}


@dataclass
class Problem:
    text: str
    steps: list  # two of (left, operation, right, result)

    @property
    def answer(self):
        return self.steps[-1][3]


def solution(steps):
    worked = "".join(f"{x} {op} {y} = {r}. " for x, op, y, r in steps)
    return f"{worked}Answer: {steps[-1][3]}"


def work(template, numbers):
    """The two steps, or None where a division is not even or a result leaves 1..LARGEST."""
    steps, x = [], numbers["a"]
    for op, right in TEMPLATES[template][1:]:  # "+b" is the pair ("+", "b")
        y = numbers.get(right) or int(right)
        if op == "/" and x % y:
            return None
        r = APPLY[op](x, y)
        if not 1 <= r <= LARGEST:
            return None
        steps.append((x, op, y, r))
        x = r
    return steps


def draw_problem(rng, held=False):
    """A problem whose (template, numbers) is, or is not, among the held-out tenth."""
    while True:
        template = rng.randrange(len(TEMPLATES))
        text, first, _ = TEMPLATES[template]
        if first == "*b":
            numbers = {"a": rng.randint(2, 9), "b": rng.randint(2, 6)}
        elif first == "/2":
            numbers = {"a": 2 * rng.randint(2, 25)}
        else:
            numbers = {"a": rng.randint(2, 25), "b": rng.randint(2, 12)}
        if "{b}" not in text:
            numbers.pop("b", None)
        if "{c}" in text:
            numbers["c"] = rng.randint(2, 12)
        steps = work(template, numbers)
        if steps is None or (bucket("problem", template, *numbers.values()) < 100) != held:
            continue
        n, m = rng.sample(NAMES, 2)
        pronoun = "she" if NAMES.index(n) % 2 == 0 else "he"
        words = {"n": n, "m": m, "o": rng.choice(OBJECTS), "p": pronoun, "P": pronoun.capitalize()}
        return Problem(text.format(**words, **numbers), steps)


def draw_sum(rng):
    """One sum out of those that solutions are made of, as "17 + 8 = 25"."""
    while True:
        op = rng.choices("+-*/", [42, 42, 12, 4])[0]
        x = rng.randint(2, 25 if op == "*" else LARGEST)
        y = rng.randint(2, {"*": 6, "/": 2}.get(op, 12 if rng.random() < 0.8 else 25))
        if op == "/" and x % y:
            continue
        if 1 <= APPLY[op](x, y) <= LARGEST:
            return f"{x} {op} {y} = {APPLY[op](x, y)}"


def sums(rng):
    """Bare sums, several at once: the quickest way to learn the tables."""
    done = [draw_sum(rng) for _ in range(rng.randint(2, 8))]
    asked = ", ".join(text.split(" =")[0] for text in done)
    worked = " ".join(f"{text}." for text in done)
    return [message("user", f"Answer {asked}."), message("assistant", worked, loss=True)]


# ---------------------------------------------------------------- the debate


def wrong_solution(rng, problem):
    """A self-consistent solution with one mistake, whose answer is not the right one."""
    while True:
        at, kind = rng.randrange(2), rng.choice(["result", "operation", "operand"])
        steps, x = [], problem.steps[0][0]
        for i, (_, op, y, _) in enumerate(problem.steps):
            if i == at and kind == "operation":
                op = rng.choice("+-*")
            if i == at and kind == "operand":
                y = rng.randint(2, 12)
            if op == "/" and x % y:
                break
            r = APPLY[op](x, y)
            if i == at and kind == "result":
                r += rng.choice([-10, -3, -2, -1, 1, 2, 3, 10])
            if not 0 <= r <= 99:
                break
            steps.append((x, op, y, r))
            x = r
        else:
            if x != problem.answer:
                return solution(steps)


def said(agent, text):
    return f"From Agent {agent}:\n{text}"


def solve_messages(problem_text):
    return [message("system", MADPAR_SOLVE.replace("{problem}", problem_text))]


def update_messages(problem_text, last, own):
    """`last`: every agent's last answer, with header, in order. `own`: this agent's older ones."""
    system = message("system", MADPAR_UPDATE.replace("{problem}", problem_text))
    return [system, *(message("assistant", text) for text in (*last, *own))]


def first_turn(rng):
    problem = draw_problem(rng)
    agent = rng.choices(range(1, 9), [8, 8, 8, 2, 2, 1, 1, 1])[0]
    return [*solve_messages(problem.text), message("assistant", said(agent, solution(problem.steps)), loss=True)]


def update_turn(rng):
    problem = draw_problem(rng)
    agents = rng.choices([2, 3, 4], [20, 65, 15])[0]
    agent = rng.randint(1, agents)
    error_rate = rng.choice([0.35, 0.8])  # where most are wrong, agreeing with the others does not pay
    mistakes = [wrong_solution(rng, problem) for _ in range(2)]  # agents may share one

    def answer(i):
        wrong = rng.random() < error_rate
        return said(i, rng.choice(mistakes) if wrong else solution(problem.steps))

    last = [answer(i) for i in range(1, agents + 1)]
    own = [answer(agent) for _ in range(rng.choices([0, 1, 2], [55, 30, 15])[0])]
    target = message("assistant", said(agent, solution(problem.steps)), loss=True)
    return [*update_messages(problem.text, last, own), target]


SKILLS = [(multiqa, 30), (conversation, 20), (first_turn, 20), (update_turn, 20), (sums, 10)]


def sample(rng):
    """One training conversation."""
    skill = rng.choices([s for s, _ in SKILLS], [w for _, w in SKILLS])[0]
    return skill(rng)


# ---------------------------------------------------------------- held-out items


def held_out():
    """The test sets: 200 single questions, 200 pairs, 300 problems (the last 100 for the debate)."""
    rng = random.Random(SEED + 1)
    facts = [
        {"question": question, "answer": VALUE[fact]}
        for fact, question in rng.sample([(f, q) for f in FACTS for q in PHRASED[f][True]], 200)
    ]
    held = [(x, y) for x in FACTS for y in FACTS if x != y and pair_is_held(x, y)]
    pairs = [
        {"questions": [ask(rng, x, held=True), ask(rng, y, held=True)], "answers": [VALUE[x], VALUE[y]]}
        for x, y in rng.sample(held, 200)
    ]
    problems, seen = [], set()
    while len(problems) < 300:
        problem = draw_problem(rng, held=True)
        if problem.text not in seen:
            seen.add(problem.text)
            problems.append({"problem": problem.text, "answer": problem.answer})
    return facts, pairs, problems


def write_held_out():
    facts, pairs, problems = held_out()
    folder = ROOT / "tests" / "held_out"
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in [("facts", facts), ("pairs", pairs), ("problems", problems)]:
        rows = ",\n".join(json.dumps(item) for item in items)
        (folder / f"{name}.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    lines = [f"{p['problem']}\t{p['answer']}\n" for p in problems[200:]]
    (ROOT / "workflows" / "problems.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_held_out()
