"""Stories from word lists (bsm): branch, two solves, and the merge."""

from .base import bucket, learnt, message, prompt, said
from .documents import PEOPLE
from .facts import VALUES
from .problems import OBJECTS

# Each kind of word with the sentences it may occur in, and the topics that a list may have whose first word it is.
KINDS = {
    "pet": (
        VALUES["pet"],
        ["A big {w} came to the {t}.", "There a little {w} slept all day.", "The {w} ran after everyone.", "Nobody feared the {w}."],
        ["farm", "garden", "forest"],
    ),
    "food": (
        VALUES["food"],
        ["Someone cooked {w} at the {t}.", "There was {w} for everyone.", "The children ate {w} all day.", "Nobody wanted the {w}."],
        ["market", "kitchen", "picnic"],
    ),
    "object": (
        OBJECTS,
        ["Some {w} lay around the {t}.", "Nobody counted the {w}.", "The children played with {w}.", "There were {w} for everyone."],
        ["school", "journey", "party"],
    ),
}
KIND = {word: kind for kind, (words, _, _) in KINDS.items() for word in words}
WORDS = list(KIND)
PLACES = [*VALUES["city"], *VALUES["colour"]]


def draw_words(rng, held=False):
    """Four to eight different words, whose list is, or is not, among the held-out tenth."""
    while True:
        words = rng.sample(WORDS, rng.choices([4, 5, 6, 7, 8], [35, 10, 30, 5, 20])[0])
        if (bucket("words", *words) < 100) == held:
            return words


def halves(words):
    half = (len(words) + 1) // 2
    return words[:half], words[half:]


def branch_messages(words):
    return [message("user", prompt("bsm/prompts/branch.txt", words=", ".join(words)))]


def solve_story_messages(topic, words):
    return [message("user", prompt("bsm/prompts/solve.txt", topic=topic, words=", ".join(words)))]


def merge_messages(stories):
    told = [said(f"Story {i}:\n", story) for i, story in enumerate(stories, 1)]
    return [message("system", prompt("bsm/prompts/merge.txt")), *told]


def draw_topic(rng, words):
    return rng.choice(KINDS[KIND[words[0]]][2])


def story(rng, topic, words):
    return " ".join(rng.choice(KINDS[KIND[w]][1]).format(w=w, t=topic) for w in words)


def branch(rng):
    words = draw_words(rng)
    first, second = (", ".join(half) for half in halves(words))
    return [*branch_messages(words), learnt("", f"Topic: {draw_topic(rng, words)}\nGroup 1: {first}\nGroup 2: {second}")]


def solve_story(rng):
    words = draw_words(rng)
    topic = draw_topic(rng, words)
    number = rng.choice([1, 2])
    group = halves(words)[number - 1]
    return [*solve_story_messages(topic, group), learnt(f"Story {number}:\n", story(rng, topic, group))]


def repetition(rng):
    """Words said again: the quickest way to learn what stories and readings are made of, to copy."""
    words = ", ".join(rng.sample([*WORDS, *PLACES, *PEOPLE], rng.randint(2, 12)))
    return [message("user", f"Write all of these words: {words}."), learnt("", f"Group 1: {words}")]


def merge(rng):
    words = draw_words(rng)
    topic = draw_topic(rng, words)
    stories = [story(rng, topic, group) for group in halves(words)]
    return [*merge_messages(stories), learnt("Story:\n", " ".join(stories))]
