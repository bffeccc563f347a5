"""Reading: documents about people whom the model does not know, and one question."""

import hashlib

from .base import SEED, bucket, learnt, message, prompt
from .facts import PHRASINGS, SENTENCES, VALUES

PEOPLE = (
    "Carla Anton Beata Diego Emilia Felix Greta Hugo Irena Jonas Karin Leo Marta Nils Olga Pavel "
    "Ramona Stefan Tilda Ulrich Vera Walter Xenia Yusuf Zita Amira Boris Clara David Elena Frida Georg "
    "Helga Ivan Julia Klaus Laura Marco Nora Oskar Petra Robert Sofia Thomas Ursula Viktor Wanda Yara"
).split()
NOT_SAID = "No document says."
OF_A_DOCUMENT = [2, 3, 4]  # sentences


def draw_documents(rng, count, held=False):
    """`count` documents, each a list of (person, attribute, value); no fact occurs twice.

    Each one's sentences are, or are not, among the held-out tenth.
    """
    known, documents = set(), []
    while len(documents) < count:
        size = rng.choice(OF_A_DOCUMENT)
        keys = [(rng.choice(PEOPLE), rng.choice(list(VALUES))) for _ in range(size)]
        facts = [(person, attribute, rng.choice(VALUES[attribute])) for person, attribute in keys]
        fresh = len({*keys, *known}) == size + len(known)
        if fresh and (bucket("document", text_of(facts)) < 100) == held:
            known.update(keys)
            documents.append(facts)
    return documents


def sentence(person, attribute, value):
    return SENTENCES[attribute].format(n=person, v=value)


def text_of(facts):
    return " ".join(sentence(*fact) for fact in facts)


def phrasings(person, attribute, held):
    """Six that training meets, or the two that it never does."""
    order = sorted(PHRASINGS[attribute], key=lambda p: hashlib.sha256(f"{SEED}{person}{p}".encode()).digest())
    return order[:2] if held else order[2:]


def document_messages(documents, question):
    """`documents`: (number, text) in the order of the question."""
    read = [message("user", prompt("documents/prompts/document.txt", number=n, text=text)) for n, text in documents]
    asked = message("user", prompt("documents/prompts/question.txt", question=question))
    return [message("system", prompt("documents/prompts/system.txt")), *read, asked]


def draw_question(rng, chosen, held=False):
    """A question on the chosen documents' facts, and the sentence that answers it; one in five has none."""
    facts = [fact for facts in chosen for fact in facts]
    answer = NOT_SAID
    if rng.random() < 0.2:
        told = {fact[:2] for fact in facts}
        people = [fact[0] for fact in facts] if rng.random() < 0.5 else PEOPLE
        while True:
            person, attribute = rng.choice(people), rng.choice(list(VALUES))
            if (person, attribute) not in told:
                break
    else:
        fact = rng.choice(facts)
        person, attribute, _ = fact
        answer = sentence(*fact)
    question = rng.choice(phrasings(person, attribute, held)).format(n=person)
    return question, answer


def reading(rng):
    documents = draw_documents(rng, rng.choices([1, 2, 3, 4, 6, 12], [35, 30, 18, 9, 4, 4])[0])
    numbers = rng.sample(range(1, 13), len(documents))
    question, answer = draw_question(rng, documents)
    texts = [(number, text_of(facts)) for number, facts in zip(numbers, documents)]
    return [*document_messages(texts, question), learnt("", answer)]
