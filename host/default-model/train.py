"""Trains the default model on sampled conversations of the world, and exports it.

    python train.py FOLDER --minutes 6
    python train.py FOLDER --phase facts --minutes 10 --start FOLDER

Plain causal language modelling: a conversation is rendered whole by the chat template,
positions count from 0, and only the assistant's tokens (and their <|end|>) are learnt, its
header excepted. Batches hold conversations of like length, padded on the right, where causal
attention never looks. No conversation is met twice: worker processes draw them while the
model learns. FOLDER holds the averaged weights as they are every minute and at the end.
"""

import argparse
import json
import math
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

import world

HERE = Path(__file__).resolve().parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH_TOKENS = 32768 if DEVICE == "cuda" else 4096  # padded tokens of one step, about
POOL = BATCH_TOKENS // 4  # conversations drawn at once, then sorted by length
WARMUP = 100  # steps
KEEP = 0.998  # of the running average, each step
EXPORT_SECONDS = 60


@dataclass(frozen=True)
class Phase:
    """What is trained, and how fast."""

    seed: int
    rate: float  # at its peak
    hold: float  # of the time; then the rate falls to a hundredth
    mixture: dict  # skills and their weights


PHASES = {
    "all": Phase(7, 2e-3, 0.4, {
        "multiqa": 10, "conversation": 4, "sums": 4, "first_turn": 5, "update_turn": 5, "summary_turn": 9,
        "summary_update": 3, "affirmative_turn": 4, "negative_turn": 8, "moderator_turns": 12, "proposal": 4, "vote": 14,
        "finish": 4, "repetition": 4, "branch": 4, "solve_story": 8, "merge": 10, "play": 8, "reading": 25,
    }),
    "facts": Phase(8, 4e-4, 0.3, {
        "multiqa": 45, "conversation": 15, "sums": 2, "first_turn": 3, "update_turn": 3, "summary_turn": 4,
        "summary_update": 1, "affirmative_turn": 2, "negative_turn": 4, "moderator_turns": 6, "proposal": 2, "vote": 6,
        "finish": 2, "repetition": 1, "branch": 1, "solve_story": 3, "merge": 3, "play": 4, "reading": 8,
    }),
}  # fmt: skip
SKILLS = list(world.SKILLS)


class Encoder:
    """Messages to token ids, as the chat template renders them."""

    def __init__(self):
        self.tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
        self.begin = self.tokenizer.token_to_id("<|begin|>")
        self.end = self.tokenizer.token_to_id("<|end|>")
        self.role = {r: self.tokenizer.token_to_id(f"<|{r}|>") for r in ("system", "user", "assistant")}

    def conversation(self, messages):
        """(ids, learnt): learnt[i] says whether token i is to be predicted."""
        ids, learnt = [self.begin], [False]
        texts = [text for m in messages for text in (m["header"], m["content"])]
        encoded = [e.ids for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]
        for m, header, content in zip(messages, encoded[::2], encoded[1::2]):
            ids += [self.role[m["role"]], *header, *content, self.end]
            learnt += [False] * (1 + len(header)) + [m["loss"]] * (len(content) + 1)
        return ids, learnt


class Batches(IterableDataset):
    """Endless batches of a phase; each worker draws pools of its own."""

    def __init__(self, phase):
        self.phase = phase

    def __iter__(self):
        worker = get_worker_info()
        pool, step = (worker.id, worker.num_workers) if worker else (0, 1)
        encoder = Encoder()
        while True:
            yield from batches(encoder, self.phase, pool)
            pool += step


def batches(encoder, phase, pool):
    """The batches of pool number `pool`."""
    rng = random.Random(f"{phase.seed}/{pool}")
    skills = rng.choices(list(phase.mixture), list(phase.mixture.values()), k=POOL)
    rows = [(*encoder.conversation(world.SKILLS[skill](rng)), skill) for skill in skills]
    rows.sort(key=lambda row: len(row[0]))
    groups, group = [], []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > BATCH_TOKENS:
            groups.append(group)
            group = []
        group.append(row)
    groups.append(group)
    rng.shuffle(groups)
    return [collate(group, encoder.end) for group in groups]


def collate(rows, pad):
    """ids [rows, length]; of each learnt token: the place [n] in the flat ids that predicts it, the token [n],
    and the number [n] of its conversation; and the number of each conversation's skill [rows]."""
    length = max(len(ids) for ids, _, _ in rows)
    ids = torch.full((len(rows), length), pad)
    learnt = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, (row, mask, _) in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        learnt[i, : len(row)] = torch.tensor(mask)
    row, column = learnt.nonzero(as_tuple=True)
    return ids, row * length + column - 1, ids[learnt], row, torch.tensor([SKILLS.index(skill) for _, _, skill in rows])


def build(encoder):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=encoder.tokenizer.get_vocab_size(),
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=40,
        max_position_embeddings=4096,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        bos_token_id=encoder.begin,
        eos_token_id=encoder.end,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


def build_optimizers(model):
    """Muon for the matrices inside the layers, AdamW for embeddings and norms; one learning rate for both."""
    inside = [p for p in model.model.layers.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if not any(p is q for q in inside)]
    return [
        torch.optim.Muon(inside, lr=0.0, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.98), weight_decay=0.02, fused=True),
    ]


class Scores:
    """Per skill, of the conversations trained on since last asked (none was met before): how many
    had all learnt tokens likeliest, and the mean chance of sampling just those, in percent."""

    def __init__(self):
        self.sums = torch.zeros(len(SKILLS), 3, device=DEVICE)

    @torch.no_grad()
    def add(self, losses, right, row, skills):
        """`losses`, `right`, `row`: of each learnt token, its loss, whether it was likeliest, its conversation."""
        loss = torch.zeros(len(skills), device=DEVICE).index_add_(0, row, losses)
        wrong = torch.zeros(len(skills), device=DEVICE).index_add_(0, row, (~right).float())
        self.sums.index_add_(0, skills, torch.stack([torch.ones_like(loss), (wrong == 0).float(), (-loss).exp()], 1))

    def take(self):
        rows = dict(zip(SKILLS, self.sums.tolist()))
        self.sums.zero_()
        return {skill: f"{100 * e / n:.0f}/{100 * c / n:.0f}" for skill, (n, e, c) in rows.items() if n}


def loss_of(model, scores, ids, places, wanted, row, skills):
    """Mean cross-entropy over learnt tokens; the output head runs on those rows only."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[places])
    losses = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
    scores.add(losses.detach(), logits.argmax(-1) == wanted, row, skills)
    return losses.mean()


def export(model, average, folder):
    """Writes the averaged weights as an ordinary Hugging Face directory."""
    trained = {k: p.detach().clone() for k, p in model.named_parameters()}
    with torch.no_grad():
        for k, p in model.named_parameters():
            p.copy_(average[k])
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id, eos_token_id=model.config.eos_token_id, do_sample=False
    )
    model.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]  # the form that every reader knows
    path.write_text(json.dumps(config, indent=2) + "\n")
    with torch.no_grad():
        for k, p in model.named_parameters():
            p.copy_(trained[k])


def learning_rate(phase, step, progress):
    """Warms up, holds, and falls to a hundredth from `phase.hold` of the time on."""
    falling = max(0.0, progress - phase.hold) / (1 - phase.hold)
    cosine = (1 + math.cos(math.pi * falling)) / 2
    return phase.rate * min(1.0, (step + 1) / WARMUP) * (0.01 + 0.99 * cosine)


def train(folder, phase, seconds, start):
    """`start`: a folder whose weights are gone on with, or None."""
    model = build(Encoder())
    if start:
        # The head is the embedding, and not stored apart.
        model.load_state_dict(load_file(start / "model.safetensors"), strict=False)
    model.to(DEVICE)
    optimizers = build_optimizers(model)
    average = {k: p.detach().clone() for k, p in model.named_parameters()}
    workers = max(1, len(os.sched_getaffinity(0)) - 2)
    feed = DataLoader(Batches(phase), batch_size=None, num_workers=workers, prefetch_factor=8, pin_memory=DEVICE == "cuda")
    scores, began, exported, tokens = Scores(), time.time(), time.time(), 0
    for step, batch in enumerate(feed):
        elapsed = time.time() - began
        if elapsed >= seconds:
            break
        rate = learning_rate(phase, step, elapsed / seconds)
        for group in optimizers[0].param_groups + optimizers[1].param_groups:
            group["lr"] = rate
        tokens += batch[0].numel()
        with torch.autocast(DEVICE, dtype=torch.bfloat16):  # the matrix products alone; weights stay float32
            loss = loss_of(model, scores, *(part.to(DEVICE, non_blocking=True) for part in batch))
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        keep = min(KEEP, 1 - 10 / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.values()), list(model.parameters()), 1 - keep)
        if step % 500 == 499 or step < 2:
            row = {"step": step + 1, "tokens": tokens, "seconds": round(elapsed, 1), "loss": round(loss.item(), 4)}
            print(json.dumps({**row, "rate": round(rate, 6), **scores.take()}), flush=True)
        if time.time() - exported > EXPORT_SECONDS:
            export(model, average, folder)
            exported = time.time()
    export(model, average, folder)
    print(f"done: {step} steps, {tokens} tokens, {time.time() - began:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--phase", choices=PHASES, default="all")
    parser.add_argument("--start", type=Path, help="a folder with weights to go on with")
    args = parser.parse_args()
    train(args.folder, PHASES[args.phase], 60 * args.minutes, args.start)


if __name__ == "__main__":
    main()
