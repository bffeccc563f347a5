"""480 facts about 120 made-up people: multiqa and conversation."""

import hashlib
import itertools
import random

from .base import SEED, bucket, learnt, message, prompt

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

# Never held out: every fact is met in a phrasing that names the person before what is asked. Without
# these, what is known of a person goes over badly to the one such phrasing above.
NAME_FIRST = {
    "city": ["{n} has which home town?", "{n} has a home in which city?"],
    "colour": ["{n} would choose which colour?", "{n} loves which colour?"],
    "pet": ["{n} keeps which animal?", "{n} lives with which pet?"],
    "food": ["{n} loves which food?", "{n} would order which dish?"],
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
        met = order[2:] + NAME_FIRST[attribute]
        split[name, attribute] = ([p.format(n=name) for p in met], [p.format(n=name) for p in order[:2]])
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
        message("user", prompt("multiqa/prompts/question.txt", number=i, question=question))
        for i, question in enumerate(questions, 1)
    ]
    return [message("system", prompt("multiqa/prompts/system.txt")), *asked]


def numbered(values):
    return "\n".join(f"{i}. {value}" for i, value in enumerate(values, 1))


def multiqa(rng):
    """One to four questions; the fewer are the older skill."""
    facts = draw_facts(rng, rng.choices([1, 2, 3, 4], [15, 25, 25, 35])[0])
    answer = numbered([VALUE[fact] for fact in facts])
    return [*multiqa_messages([ask(rng, fact) for fact in facts]), learnt("", answer)]


def conversation(rng):
    messages = [message("system", prompt("conversation/prompts/system.txt"))]
    for fact in draw_facts(rng, rng.randint(1, 4)):
        messages.append(message("user", ask(rng, fact)))
        sentence = SENTENCES[fact[1]].format(n=fact[0], v=VALUE[fact])
        messages.append(learnt("", sentence))
    return messages
