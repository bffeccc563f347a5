"""Scores the model on the held-out items, every conversation encoded whole (the baseline).

    python evaluate.py [MODEL_FOLDER]

Beside each score stands that of a look-up: the training prompt that shares most tokens
with the question, out of a fresh sample of 50,000, lends its answer.
"""

import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import world

HERE = Path(__file__).resolve().parent
LOOKUP_SAMPLE = 50_000
BATCH = 50
ROUNDS = 2  # updates after the first answers
AGENTS = 3


class Model:
    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(HERE, padding_side="left", pad_token="<|end|>")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def say(self, conversations, headers=None, temperature=0.0):
        """The assistant's next message in each conversation; it starts with the header."""
        headers = headers or [""] * len(conversations)
        answers = []
        for i in range(0, len(conversations), BATCH):
            prompts = [
                self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + header
                for messages, header in zip(conversations[i : i + BATCH], headers[i : i + BATCH])
            ]
            batch = self.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
            sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
            out = self.model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=48,
                pad_token_id=self.tokenizer.pad_token_id,
                **sampling,
            )
            texts = self.tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
            answers += [header + text for header, text in zip(headers[i : i + BATCH], texts)]
        return answers


def final(text):
    """The number after the last "Answer:", or None."""
    found = re.findall(r"Answer: (\d+)", text)
    return int(found[-1]) if found else None


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
        bags = np.zeros((len(texts), len(self.tokenizer)), dtype=np.float32)
        for row, ids in zip(bags, self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]):
            row[ids] = 1
        return bags

    def answer(self, texts):
        queries = self.bag(texts)
        shared = queries @ self.bags.T
        nearest = (shared / (queries.sum(1)[:, None] + self.sizes[None] - shared)).argmax(1)
        return [self.answers[i] for i in nearest]


def fact_prompt(rng):
    fact = rng.choice(world.FACTS)
    return world.ask(rng, fact), world.VALUE[fact]


def pair_prompt(rng):
    facts = world.draw_facts(rng, 2)
    return " ".join(world.ask(rng, f) for f in facts), [world.VALUE[f] for f in facts]


def problem_prompt(rng):
    problem = world.draw_problem(rng)
    return problem.text, problem.answer


def update_prompt(rng):
    turn = world.update_turn(rng)
    return " ".join(m["content"] for m in turn[:-1]), final(turn[-1]["content"])


def load(name):
    return json.loads((world.ROOT / "tests" / "held_out" / f"{name}.json").read_text(encoding="utf-8"))


def percent(given, wanted):
    return f"{100 * sum(g == w for g, w in zip(given, wanted)) / len(wanted):.1f}%"


def single_facts(model):
    items = load("facts")
    wanted = [item["answer"] for item in items]
    questions = [item["question"] for item in items]
    answers = model.say([world.multiqa_messages([q]) for q in questions])
    lookup = Lookup(model.tokenizer, fact_prompt).answer(questions)
    yield "one question, numbered", percent(answers, [world.numbered([w]) for w in wanted]), percent(lookup, wanted)

    talks = [[world.message("system", world.CONVERSATION_SYSTEM)] for _ in range(len(items) // 4)]
    given = []
    for turn in range(4):
        for i, talk in enumerate(talks):
            talk.append(world.message("user", questions[turn * len(talks) + i]))
        said = model.say(talks)
        given += [re.sub(r".* (\w+)\.$", r"\1", text) for text in said]
        for talk, text in zip(talks, said):
            talk.append(world.message("assistant", text))
    yield "four turns of conversation, each turn", percent(given, wanted), percent(lookup, wanted)


def pairs(model):
    items = load("pairs")
    answers = model.say([world.multiqa_messages(item["questions"]) for item in items])
    lookup = Lookup(model.tokenizer, pair_prompt).answer([" ".join(item["questions"]) for item in items])
    wanted = [item["answers"] for item in items]
    yield "two questions, both right", percent(answers, [world.numbered(w) for w in wanted]), percent(lookup, wanted)


def solve(model, problems, temperature=0.0, agent=1):
    header = world.said(agent, "")
    return model.say([world.solve_messages(p) for p in problems], [header] * len(problems), temperature)


def problems(model):
    items = load("problems")
    texts, wanted = [item["problem"] for item in items], [item["answer"] for item in items]
    answers = [final(text) for text in solve(model, texts[:200])]
    lookup = Lookup(model.tokenizer, problem_prompt).answer(texts)
    yield "problems, direct", percent(answers, wanted[:200]), percent(lookup[:200], wanted[:200])

    rng = random.Random("updates")
    talks, headers = [], []
    for _ in range(200):
        problem = world.draw_problem(rng, held=True)
        wrong = rng.sample(range(1, AGENTS + 1), 2)
        last = [
            world.said(i, world.wrong_solution(rng, problem) if i in wrong else world.solution(problem.steps))
            for i in range(1, AGENTS + 1)
        ]
        talks.append((problem, world.update_messages(problem.text, last, [])))
        headers.append(world.said(rng.randint(1, AGENTS), ""))
    answers = [final(text) for text in model.say([messages for _, messages in talks], headers)]
    right = [problem.answer for problem, _ in talks]
    contexts = [" ".join(m["content"] for m in messages) for _, messages in talks]
    nearest = Lookup(model.tokenizer, update_prompt).answer(contexts)
    yield "update, two of three answers wrong", percent(answers, right), percent(nearest, right)

    texts, wanted, lookup = texts[200:], wanted[200:], lookup[200:]
    torch.manual_seed(1)
    once = [final(text) for text in solve(model, texts, 0.7)]
    yield "problems, one sample at 0.7", percent(once, wanted), percent(lookup, wanted)
    yield "problems, debate at 0.7, majority", percent(debate(model, texts), wanted), percent(lookup, wanted)


def debate(model, texts):
    """The majority of three agents' answers after the updates, for each problem."""
    turns = [solve(model, texts, 0.7, agent) for agent in range(1, AGENTS + 1)]
    histories = [[[text] for text in turn] for turn in turns]  # [agent][problem] -> answers so far
    for _ in range(ROUNDS):
        new = []
        for agent in range(AGENTS):
            talks = [
                world.update_messages(text, [h[p][-1] for h in histories], histories[agent][p][:-1])
                for p, text in enumerate(texts)
            ]
            new.append(model.say(talks, [world.said(agent + 1, "")] * len(texts), 0.7))
        for history, answers in zip(histories, new):
            for own, answer in zip(history, answers):
                own.append(answer)
    return [Counter(final(h[p][-1]) for h in histories).most_common(1)[0][0] for p in range(len(texts))]


def main():
    torch.set_num_threads(1)
    model = Model(sys.argv[1] if len(sys.argv) > 1 else HERE)
    print("| held-out test | model | look-up |\n| --- | --- | --- |")
    for test in (single_facts, pairs, problems):
        for name, score, lookup in test(model):
            print(f"| {name} | {score} | {lookup} |", flush=True)


if __name__ == "__main__":
    main()
