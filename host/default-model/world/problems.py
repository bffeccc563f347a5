"""Sums, and word problems of two steps and of three or four."""

import random
from dataclasses import dataclass

from .base import bucket, learnt, message
from .facts import NAMES

LARGEST = 60  # no step of a correct solution of two steps leaves 1..60

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


@dataclass(frozen=True)
class Back:
    """The result of an earlier step."""

    step: int


@dataclass
class Problem:
    text: str
    program: list  # of (left, operation, right); left and right are numbers or Back

    @property
    def steps(self):
        return run(self.program)

    @property
    def answer(self):
        return self.steps[-1][3]


def run(program):
    """The steps (left, operation, right, result), or None where a division is not even."""
    steps = []
    for left, op, right in program:
        x, y = (steps[v.step][3] if isinstance(v, Back) else v for v in (left, right))
        if op == "/" and (y == 0 or x % y):
            return None
        steps.append((x, op, y, APPLY[op](x, y)))
    return steps


def within(steps, largest):
    return steps is not None and all(1 <= step[3] <= largest for step in steps)


def worked(steps):
    return " ".join(f"{x} {op} {y} = {r}." for x, op, y, r in steps)


def solution(steps):
    return f"{worked(steps)} Answer: {steps[-1][3]}"


def wrong_steps(rng, problem):
    """The steps of a self-consistent solution with one mistake, whose answer is not the right one."""
    count = len(problem.program)
    while True:
        at, kind = rng.randrange(count), rng.choice(["result", "operation", "operand"])
        steps = []
        for i, (left, op, right) in enumerate(problem.program):
            x, y = (steps[v.step][3] if isinstance(v, Back) else v for v in (left, right))
            if i == at and kind == "operation":
                op = rng.choice("+-*")
            if i == at and kind == "operand":
                y = rng.randint(2, 12)
            if op == "/" and x % y:
                break
            result = APPLY[op](x, y)
            if i == at and kind == "result":
                result = rng.choice([result + d for d in (-10, -3, -2, -1, 1, 2, 3, 10)] + [rng.randint(0, 99)] * 8)
            if not 0 <= result <= 99:
                break
            steps.append((x, op, y, result))
        else:
            if steps[-1][3] != problem.answer:
                return steps


def wrong_solution(rng, problem):
    return solution(wrong_steps(rng, problem))


def draw_easy(rng, held=False):
    """A problem of two steps whose (template, numbers) is, or is not, among the held-out tenth."""
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
        program, left = [], numbers["a"]
        for op, right in TEMPLATES[template][1:]:  # "+b" is the pair ("+", "b")
            program.append((left, op, numbers.get(right) or int(right)))
            left = Back(len(program) - 1)
        if not within(run(program), LARGEST) or (bucket("problem", template, *numbers.values()) < 100) != held:
            continue
        n, m = rng.sample(NAMES, 2)
        pronoun = "she" if NAMES.index(n) % 2 == 0 else "he"
        words = {"n": n, "m": m, "o": rng.choice(OBJECTS), "p": pronoun, "P": pronoun.capitalize()}
        return Problem(text.format(**words, **numbers), program)


# ---------------------------------------------------------------- three or four steps

# text, and steps: (left, operation, right), each a letter of the text, a number, or x, the result so far,
# or y, the result of the step before
OPENINGS = [
    ("{n} has {a} {o}.", "a"),
    ("There are {a} {o} in the box of {n}.", "a"),
    ("{n} fills {a} bags with {b} {o} each.", "a*b"),
    ("{n} gets {a} {o} a day for {b} days.", "a*b"),
    ("{n} has {a} {o} and {m} has {b}. They put them together.", "a+b"),
    ("{n} had {a} {o} and lost {b}.", "a-b"),
    ("{n} has {a} {o}. {m} has {b} more than {n}, and they put them together.", "a+b x+a"),
    ("{n} has {a} {o}. {m} has twice as many, and they put them together.", "a*2 x+a"),
]
EVENTS = [
    ("{P} buys {c} more.", "x+c"),
    ("{P} finds {c} more.", "x+c"),
    ("{m} brings {c} more.", "x+c"),
    ("{P} loses {c}.", "x-c"),
    ("{P} gives {c} to {m}.", "x-c"),
    ("{P} sells {c}.", "x-c"),
    ("Then {p} doubles them.", "x*2"),
    ("Soon there are three times as many.", "x*3"),
    ("{P} gives half of them away.", "x/2"),
    ("{P} keeps only a third of them.", "x/3"),
    ("{P} buys {c} boxes with {d} in each.", "c*d x+y"),
    ("{P} gives {c} friends {d} each.", "c*d x-y"),
]
QUESTIONS = ["How many {o} now?", "How many {o} are there now?", "How many {o} in the end?"]
LARGEST_HARD = 99


def draw_clause(rng, clause, program, so_far):
    """One clause: its text with numbers in it, its numbers, and the steps; (None, None) starts."""
    text, steps = clause
    numbers = {}
    for letter in "abcd":
        if "{" + letter + "}" in text:
            many = "*" in steps and steps[:3] != "a*2"
            numbers[letter] = rng.randint(2, 9) if many else rng.randint(5, 40) if letter == "a" else rng.randint(2, 20)
    if steps == "a":
        return text, numbers, program, numbers["a"]
    program, y = list(program), None
    for left, op, right in steps.split(" "):
        value = {**numbers, "x": so_far, "y": y}
        left, right = (int(v) if v.isdigit() else value[v] for v in (left, right))
        program.append((left, op, right))
        y = Back(len(program) - 1)
        so_far = so_far if (op, steps[0]) == ("*", "c") else y  # boxes bought are not yet added
    return text, numbers, program, so_far


def draw_hard(rng, held=False):
    """A problem of three or four steps whose (clauses, numbers) is, or is not, among the held-out tenth."""
    while True:
        count = rng.choice([3, 4])
        opening = rng.randrange(len(OPENINGS))
        text, numbers, program, so_far = draw_clause(rng, OPENINGS[opening], [], None)
        texts, key, used = [(text, numbers)], [opening, *numbers.values()], set()
        while len(program) < count:
            event = rng.randrange(len(EVENTS))
            if event in used:
                continue
            used.add(event)
            text, numbers, program, so_far = draw_clause(rng, EVENTS[event], program, so_far)
            texts.append((text, numbers))
            key += [event, *numbers.values()]
        if len(program) != count or not within(run(program), LARGEST_HARD):
            continue
        if (bucket("hard", *key) < 100) != held:
            continue
        n, m = rng.sample(NAMES, 2)
        pronoun = "she" if NAMES.index(n) % 2 == 0 else "he"
        words = {"n": n, "m": m, "o": rng.choice(OBJECTS), "p": pronoun, "P": pronoun.capitalize()}
        texts.append((rng.choice(QUESTIONS), {}))
        return Problem(" ".join(text.format(**words, **numbers) for text, numbers in texts), program)


def draw_problem(rng, held=False):
    """Of either kind, mostly hard."""
    return draw_easy(rng, held) if rng.random() < 0.2 else draw_hard(rng, held)


def draw_sum(rng):
    """One sum out of those that solutions are made of, as "17 + 8 = 25"."""
    if rng.random() < 0.75:
        x, op, y, r = rng.choice(draw_hard(rng).steps)
        return f"{x} {op} {y} = {r}"
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
    return [message("user", f"Answer {asked}."), learnt("", worked)]
