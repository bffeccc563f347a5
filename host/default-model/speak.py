"""The model's texts, every conversation encoded whole (the baseline), and the plans played so."""

import json
import re
from collections import Counter
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from train import DEVICE, Encoder
from world import debates, game, stories, tree
from world.base import said

HERE = Path(__file__).resolve().parent
BATCH = 200 if DEVICE == "cuda" else 50
LONGEST = 96  # tokens of one message


class Model:
    def __init__(self, folder):
        self.encoder = Encoder()
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(DEVICE).eval()

    def prompt(self, messages, header):
        """Ids up to where the assistant's next message goes on after its header."""
        ids, _ = self.encoder.conversation([*messages, said(header, "")])
        return ids[:-1]

    @torch.inference_mode()
    def say(self, conversations, headers=None, temperature=0.0):
        """The assistant's next message in each conversation, without its header."""
        headers = headers or [""] * len(conversations)
        prompts = [self.prompt(*each) for each in zip(conversations, headers)]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        texts = [""] * len(prompts)
        for i in range(0, len(order), BATCH):
            chosen = order[i : i + BATCH]
            for place, text in zip(chosen, self.batch([prompts[p] for p in chosen], temperature)):
                texts[place] = text
        return texts

    def batch(self, prompts, temperature):
        end = self.encoder.end
        length = max(map(len, prompts))
        ids = torch.tensor([[end] * (length - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts])
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        out = self.model.generate(
            input_ids=ids.to(DEVICE), attention_mask=mask.to(DEVICE), max_new_tokens=LONGEST, pad_token_id=end, **sampling
        )
        return self.encoder.tokenizer.decode_batch(out[:, length:].tolist(), skip_special_tokens=True)


def final(text):
    """The number after the last "Answer:", or None."""
    found = re.findall(r"Answer: (\d+)", text)
    return int(found[-1]) if found else None


def read(text):
    """A JSON object, or an empty one where the text is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def number(value):
    return int(value) if isinstance(value, str) and value.isdigit() else None


def majority(answers):
    """The answer that most give, of equals the first."""
    given = [answer for answer in answers if answer is not None]
    return Counter(given).most_common(1)[0][0] if given else None


# ---------------------------------------------------------------- the plans; each takes all problems at once


def solve(model, problems, temperature=0.0, agent=1):
    """One answer alone."""
    header = debates.agent(agent)
    talks = [debates.solve_messages(p) for p in problems]
    return model.say(talks, [header] * len(talks), temperature)


def madpar(model, problems, temperature, summaries=False, agents=3, rounds=2):
    """The majority's last answers."""
    everyone = range(1, agents + 1)
    histories = [[[text] for text in solve(model, problems, temperature, agent)] for agent in everyone]
    for _ in range(rounds):
        last = [[said(debates.agent(a), h[p][-1]) for a, h in zip(everyone, histories)] for p in range(len(problems))]
        if summaries:
            talks = [debates.summarise_messages(*each) for each in zip(problems, last)]
            told = model.say(talks, ["Summary:\n"] * len(talks), temperature)
            last = [[said("Summary:\n", text)] for text in told]
        new = []
        for a, history in zip(everyone, histories):
            header = debates.agent(a)
            own = [[said(header, text) for text in (h if summaries else h[:-1])] for h in history]
            talks = [debates.update_messages(*each) for each in zip(problems, last, own)]
            new.append(model.say(talks, [header] * len(talks), temperature))
        for history, texts in zip(histories, new):
            for own, text in zip(history, texts):
                own.append(text)
    return [majority(final(h[p][-1]) for h in histories) for p in range(len(problems))]


def maditer(model, problems, temperature, rounds=3):
    """The moderator's answers, each when it holds the debate decided or at the end."""
    answers = [None] * len(problems)
    turns, moderated = [[] for _ in problems], [[] for _ in problems]
    open_ = list(range(len(problems)))

    def everyone_says(side, header, views):
        talks = [[*debates.maditer_messages(side, problems[p]), *views[p]] for p in open_]
        return dict(zip(open_, model.say(talks, [header] * len(talks), temperature)))

    for _ in range(rounds):
        for side, header in (("affirmative", debates.AFFIRMATIVE), ("negative", debates.NEGATIVE)):
            for p, text in everyone_says(side, header, turns).items():
                turns[p].append(said(header, text))
                moderated[p].append(said(header, text))
        for p, text in everyone_says("moderator", "", moderated).items():
            moderated[p].append(said("", text))
            if read(text).get("decided") is True:
                answers[p] = number(read(text).get("answer"))
                open_.remove(p)
    for p in open_:
        moderated[p].append(debates.final_message())
    for p, text in everyone_says("moderator", "", moderated).items():
        answers[p] = number(read(text).get("answer"))
    return answers


def tot(model, problems, temperature, branches=8, voters=4):
    """(Final answers, the winning proposals' answers)."""
    proposals = []
    for i in range(1, branches + 1):
        header = tree.proposal_header(i)
        talks = [tree.tot_messages("propose", p) for p in problems]
        proposals.append([said(header, text) for text in model.say(talks, [header] * len(talks), temperature)])
    talks = [[*tree.tot_messages("vote", p), *given] for p, given in zip(problems, zip(*proposals))]
    votes = [model.say(talks, [tree.BEST] * len(talks), temperature) for _ in range(voters)]
    winners = []
    for p, given in enumerate(zip(*proposals)):
        named = [int(found[1]) for vote in votes if (found := re.match(r"(\d+)", vote[p]))]
        best = majority(n for n in named if 1 <= n <= branches) or 1
        winners.append(given[best - 1])
    talks = [[*tree.tot_messages("finish", p), winner] for p, winner in zip(problems, winners)]
    texts = model.say(talks, [tree.FINAL] * len(talks), temperature)
    return [final(text) for text in texts], [final(winner["content"]) for winner in winners]


def bsm(model, word_lists, temperature):
    """(Groups, merged stories); the groups are those that the model made."""
    texts = model.say([stories.branch_messages(words) for words in word_lists], None, temperature)
    pattern = r"Topic: (.*)\nGroup 1: (.*)\nGroup 2: (.*)"
    parts = [(found.groups() if (found := re.fullmatch(pattern, text)) else ("", "", "")) for text in texts]
    told = []
    for i in (1, 2):
        talks = [stories.solve_story_messages(part[0], part[i].split(", ")) for part in parts]
        told.append(model.say(talks, [f"Story {i}:\n"] * len(talks), temperature))
    merged = model.say([stories.merge_messages(pair) for pair in zip(*told)], ["Story:\n"] * len(parts), temperature)
    return [[part[1].split(", "), part[2].split(", ")] for part in parts], merged


def prisoners(model, games, temperature):
    """Of each game and player: (plan, own utterances, decision, prediction)."""
    views = {
        name: [game.rules_messages(name, g["payoffs"], g[name.lower()]) for g in games] for name in game.PLAYERS
    }
    plans, spoken = {}, {name: [[] for _ in games] for name in game.PLAYERS}
    for name, talks in views.items():
        plans[name] = model.say(talks, ["My plan:"] * len(games), temperature)
        for talk, text in zip(talks, plans[name]):
            talk.append(said("My plan:", text))
    for turn in range(4):
        speakers = [g["first"] if turn % 2 == 0 else game.PLAYERS[1 - game.PLAYERS.index(g["first"])] for g in games]
        talks = [views[speaker][i] for i, speaker in enumerate(speakers)]
        headers = [game.header(speaker) for speaker in speakers]
        for i, text in enumerate(model.say(talks, headers, temperature)):
            spoken[speakers[i]][i].append(text)
            for name in game.PLAYERS:
                views[name][i].append(said(headers[i], text))
    result = {}
    for name, talks in views.items():
        asked = [model.say([[*t, m] for t in talks], None, temperature) for m in (game.decide_message(), game.predict_message(name))]
        decisions, predictions = ([read(text) for text in texts] for texts in asked)
        result[name] = [
            (plan.strip(), own, d.get("decision"), p.get("prediction"))
            for plan, own, d, p in zip(plans[name], spoken[name], decisions, predictions)
        ]
    return result
