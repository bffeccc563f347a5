"""Scores the model on the held-out items, every conversation encoded whole (the baseline).

    python evaluate.py [MODEL_FOLDER] [TEST ...]

Beside each score stands that of a look-up: the training prompt that shares most tokens
with the question, out of a fresh sample of 20,000, lends its answer.
Where answers are sampled, they are so at temperature 1.5 (the game and the stories at 1), by the seed 1.
"""

import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import torch

import world
from speak import HERE, Model, bsm, final, madpar, maditer, prisoners, solve, tot
from world import debates, documents, facts, game, problems, stories
from world.base import ROOT, message, prompt, said

LOOKUP_SAMPLE = 20_000
TEMPERATURE = 1.5  # at 1 one answer is right almost always, and several have nothing to gain


class Lookup:
    """Nearest training prompt by shared tokens: |shared| / |either|, of sets of tokens."""

    def __init__(self, tokenizer, draw):
        rng = random.Random("lookup")
        self.tokenizer = tokenizer
        prompts, self.answers = zip(*(draw(rng) for _ in range(LOOKUP_SAMPLE)))
        self.bags = self.bag(prompts)
        self.sizes = self.bags.sum(1)

    def bag(self, texts):
        """[texts, vocabulary] of zeros and ones."""
        bags = np.zeros((len(texts), self.tokenizer.get_vocab_size()), dtype=np.float32)
        for row, encoded in zip(bags, self.tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            row[encoded.ids] = 1
        return bags

    def answer(self, texts):
        queries = self.bag(texts)
        shared = queries @ self.bags.T
        nearest = (shared / (queries.sum(1)[:, None] + self.sizes[None] - shared)).argmax(1)
        return [self.answers[i] for i in nearest]


def contents(messages):
    return " ".join(m["content"] for m in messages)


def fact_prompt(rng):
    fact = rng.choice(facts.FACTS)
    return facts.ask(rng, fact), facts.VALUE[fact]


def several_facts(count):
    def draw(rng):
        drawn = facts.draw_facts(rng, count)
        return " ".join(facts.ask(rng, f) for f in drawn), [facts.VALUE[f] for f in drawn]

    return draw


def problem_prompt(draw):
    def drawn(rng):
        problem = draw(rng)
        return problem.text, problem.answer

    return drawn


def skill_prompt(skill, answer):
    def draw(rng):
        *before, last = skill(rng)
        return contents(before), answer(last["content"])

    return draw


def load(name):
    return json.loads((ROOT / "tests" / "held_out" / f"{name}.json").read_text(encoding="utf-8"))


def percent(given, wanted):
    given, wanted = list(given), list(wanted)
    return f"{100 * sum(g == w for g, w in zip(given, wanted, strict=True)) / len(wanted):.1f}%"


def single_facts(model):
    items = load("facts")
    wanted = [item["answer"] for item in items]
    questions = [item["question"] for item in items]
    answers = model.say([facts.multiqa_messages([q]) for q in questions])
    lookup = Lookup(model.encoder.tokenizer, fact_prompt).answer(questions)
    yield "one question, numbered", percent(answers, [facts.numbered([w]) for w in wanted]), percent(lookup, wanted)

    talks = [[message("system", prompt("conversation/prompts/system.txt"))] for _ in range(len(items) // 4)]
    given = []
    for turn in range(4):
        for i, talk in enumerate(talks):
            talk.append(message("user", questions[turn * len(talks) + i]))
        texts = model.say(talks)
        given += [re.sub(r".* (\w+)\.$", r"\1", text) for text in texts]
        for talk, text in zip(talks, texts):
            talk.append(said("", text))
    yield "four turns of conversation, each turn", percent(given, wanted), percent(lookup, wanted)


def questions_at_once(model):
    fours = load("fours")
    threes = [{key: values[:3] for key, values in item.items()} for item in fours]
    for name, items in (("two questions, both right", load("pairs")), ("three questions, all right", threes), ("four questions, all right", fours)):
        answers = model.say([facts.multiqa_messages(item["questions"]) for item in items])
        wanted = [item["answers"] for item in items]
        draw = several_facts(len(wanted[0]))
        lookup = Lookup(model.encoder.tokenizer, draw).answer([" ".join(item["questions"]) for item in items])
        yield name, percent(answers, [facts.numbered(w) for w in wanted]), percent(lookup, wanted)


def easy_problems(model):
    items = load("problems")[:200]
    texts, wanted = [item["problem"] for item in items], [item["answer"] for item in items]
    lookup = percent(Lookup(model.encoder.tokenizer, problem_prompt(problems.draw_easy)).answer(texts), wanted)
    yield "two steps, direct, greedy", percent(map(final, solve(model, texts)), wanted), lookup
    yield "two steps, one sample", percent(map(final, solve(model, texts, TEMPERATURE)), wanted), lookup


def updates(model):
    """One of three answers is right."""
    rng = random.Random("updates")
    talks, headers, right = [], [], []
    for _ in range(200):
        problem = problems.draw_hard(rng, held=True)
        wrong = rng.sample(range(1, 4), 2)
        last = [
            said(debates.agent(i), problems.wrong_solution(rng, problem) if i in wrong else problems.solution(problem.steps))
            for i in range(1, 4)
        ]
        talks.append(debates.update_messages(problem.text, last, []))
        headers.append(debates.agent(rng.randint(1, 3)))
        right.append(problem.answer)
    answers = map(final, model.say(talks, headers))
    nearest = Lookup(model.encoder.tokenizer, skill_prompt(world.SKILLS["update_turn"], final)).answer([contents(talk) for talk in talks])
    yield "update, two of three answers wrong, greedy", percent(answers, right), percent(nearest, right)


def hard_problems(model):
    items = load("hard")
    texts, wanted = [item["problem"] for item in items], [item["answer"] for item in items]
    lookup = percent(Lookup(model.encoder.tokenizer, problem_prompt(problems.draw_hard)).answer(texts), wanted)

    def row(name, answers):
        return name, percent(answers, wanted), lookup

    yield row("three or four steps, direct, greedy", map(final, solve(model, texts)))
    yield row("three or four steps, one sample at temperature 1", map(final, solve(model, texts, 1.0)))
    yield row("three or four steps, one sample", map(final, solve(model, texts, TEMPERATURE)))
    yield row("madpar: 3 agents, 2 rounds, majority", madpar(model, texts, TEMPERATURE))
    yield row("madpar with summaries", madpar(model, texts, TEMPERATURE, summaries=True))
    yield row("maditer: 3 rounds at most, the moderator's answer", maditer(model, texts, TEMPERATURE))
    finished, winners = tot(model, texts, TEMPERATURE)
    yield row("tot: 8 proposals, 4 votes, the winner", winners)
    yield row("tot: the final answer", finished)


def word_lists(model):
    """Chance: the sentences of a story about other words."""
    lists = load("words")
    groups, merged = bsm(model, lists, 1.0)
    rng = random.Random("words")
    others = [stories.story(rng, "farm", stories.draw_words(rng)) for _ in lists]

    def coverage(texts):
        return [sum(w in re.findall(r"\w+", text) for w in words) / len(words) for words, text in zip(lists, texts)]

    parts = [[list(half) for half in stories.halves(words)] for words in lists]
    yield "bsm: words in both groups as they should be", percent(groups, parts), "0.0%"
    for name, texts in (("bsm", merged),):
        found, chance = coverage(texts), coverage(others)
        yield f"{name}: words that the merged story has", f"{50 * sum(found) / 100:.1f}%", f"{50 * sum(chance) / 100:.1f}%"
        yield f"{name}: merged stories with every word", percent(found, [1.0] * len(lists)), percent(chance, [1.0] * len(lists))


def games(model):
    """Chance: a plan of three, a decision of two."""
    items = load("games")
    sides = prisoners(model, items, 1.0)
    fits, follows, foresees = [], [], []
    for i, item in enumerate(items):
        for name in game.PLAYERS:
            plan, own, decision, prediction = sides[name][i]
            strategy = item[name.lower()]
            if strategy in game.PLANS:
                fits.append(plan == game.PLANS[strategy])
            promised = all(not text.endswith(game.THREAT) for text in own)
            cooperates = plan == game.PLANS["cooperate"]
            honest = promised == (plan != game.PLANS["defect"])
            follows.append(honest and decision == ("COOPERATE" if cooperates else "DEFECT"))
            other = game.PLAYERS[1 - game.PLAYERS.index(name)]
            heard = sides[other][i][1][-1]
            foresees.append(prediction == ("DEFECT" if heard.endswith(game.THREAT) else "COOPERATE"))
    yield "prisoners: the plan is the strategy's", percent(fits, [True] * len(fits)), "33.3%"
    yield "prisoners: talk and decision are the plan's", percent(follows, [True] * len(follows)), "25.0%"
    yield "prisoners: the prediction is what was heard", percent(foresees, [True] * len(foresees)), "50.0%"


def readings(model):
    items = load("documents")
    texts = (ROOT / "workflows" / "documents" / "documents.txt").read_text(encoding="utf-8").splitlines()
    talks = [
        documents.document_messages([(n, texts[n - 1]) for n in item["documents"]], item["question"]) for item in items
    ]
    wanted = [item["answer"] for item in items]
    nearest = Lookup(model.encoder.tokenizer, skill_prompt(documents.reading, str)).answer([contents(talk) for talk in talks])
    yield "documents: one to four, any order, greedy", percent(model.say(talks), wanted), percent(nearest, wanted)


TESTS = (single_facts, questions_at_once, easy_problems, updates, hard_problems, word_lists, games, readings)


def main():
    torch.set_num_threads(1)
    folder, names = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else (HERE, [])
    model = Model(Path(folder))
    print("| held-out test | model | look-up or chance |\n| --- | --- | --- |")
    for test in TESTS:
        if names and test.__name__ not in names:
            continue
        torch.manual_seed(1)
        for name, score, chance in test(model):
            print(f"| {name} | {score} | {chance} |", flush=True)


if __name__ == "__main__":
    main()
