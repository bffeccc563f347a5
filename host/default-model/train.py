"""Trains the default model on sampled conversations of the world, and exports it.

    python train.py WORK_FOLDER --minutes 70 [--grow MODEL_FOLDER]

Plain causal language modelling: a conversation is rendered whole by the chat template,
positions count from 0, and only the assistant's tokens (and their <|end|>) are learnt, its
header excepted. Batches hold conversations of like length, padded on the right, where causal
attention never looks. Two processes of one thread each average their gradients after every
step, which on two cores is far quicker than one process of two threads. WORK_FOLDER keeps a
checkpoint; the same command continues from it. WORK_FOLDER/mixture.json, if there is one, has
the skills' weights, and is read again for every pool of conversations. With --grow the first
step starts from a smaller model's weights: what was added to it starts as nothing.
"""

import argparse
import json
import math
import random
import time
from collections import defaultdict
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

import world

HERE = Path(__file__).resolve().parent
SEED = 7
PROCESSES = 2
BATCH_TOKENS = 2048  # padded tokens of one process in one step, about
POOL = 2048  # conversations drawn at once, then sorted by length
PEAK_RATE = 1.5e-3
WARMUP = 200  # steps
SAVE_SECONDS = 180
HOLD = 0.7
LAYERS = 6
ADDED_LAYERS = (2, 4)  # of a model that is grown
MIXTURE = {
    "multiqa": 18, "conversation": 5, "sums": 8, "first_turn": 8, "update_turn": 4, "summary_turn": 5,
    "summary_update": 2, "affirmative_turn": 3, "negative_turn": 6, "moderator_turns": 5, "proposal": 5, "vote": 5,
    "finish": 3, "repetition": 12, "branch": 7, "solve_story": 8, "merge": 8, "play": 3, "reading": 24,
}  # fmt: skip


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


def mixture(work):
    """Skills and their weights."""
    path = work / "mixture.json"
    return json.loads(path.read_text()) if path.exists() else MIXTURE


def batches(encoder, weights, pool, rank):
    """The part of pool number `pool` that process `rank` learns: a list of (ids, labels, skills).

    The first two are [rows, length], the third the rows' skills; label -100 is not learnt.
    Processes get neighbours in length.
    """
    rng = random.Random(f"{SEED}/{pool}")
    skills = rng.choices(list(weights), list(weights.values()), k=POOL)
    rows = [(*encoder.conversation(world.SKILLS[skill](rng)), skill) for skill in skills]
    rows.sort(key=lambda row: len(row[0]))
    groups, group = [], []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > BATCH_TOKENS:
            groups.append(group)
            group = []
        group.append(row)
    steps = [groups[i : i + PROCESSES] for i in range(0, len(groups) - PROCESSES + 1, PROCESSES)]
    rng.shuffle(steps)
    return [collate(step[rank], encoder.end) for step in steps]


def collate(rows, pad):
    length = max(len(ids) for ids, _, _ in rows)
    ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), -100)
    for i, (row, learnt, _) in enumerate(rows):
        row = torch.tensor(row)
        ids[i, : len(row)] = row
        labels[i, : len(row)] = torch.where(torch.tensor(learnt), row, -100)
    return ids, labels, [skill for _, _, skill in rows]


def build(encoder):
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=encoder.tokenizer.get_vocab_size(),
        hidden_size=160,
        intermediate_size=448,
        num_hidden_layers=LAYERS,
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
        torch.optim.Muon(inside, lr=PEAK_RATE, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.02, fused=True),
    ]


def grow(model, encoder, folder):
    """Starts from the smaller model in `folder`, whose tokenizer this one extends, and computes what it does.

    A layer that is added copies the one before it, but for the two projections into the residual
    stream, which are zero. A token that is added starts as the mean of the tokens it was before.
    """
    smaller, config = load_file(folder / "model.safetensors"), json.loads((folder / "config.json").read_text())
    before = Tokenizer.from_file(str(folder / "tokenizer.json"))
    kept = [layer for layer in range(LAYERS) if layer not in ADDED_LAYERS]
    assert len(kept) == config["num_hidden_layers"], f"{folder} has {config['num_hidden_layers']} layers, not {len(kept)}"
    weights = {}
    for layer in range(LAYERS):
        source = max(i for i, place in enumerate(kept) if place <= layer)
        for name, weight in smaller.items():
            if name.startswith(f"model.layers.{source}."):
                part = name.split(".", 3)[3]
                into = part in ("self_attn.o_proj.weight", "mlp.down_proj.weight")
                added = layer in ADDED_LAYERS and into
                weights[f"model.layers.{layer}.{part}"] = torch.zeros_like(weight) if added else weight.clone()
    table = smaller["model.embed_tokens.weight"]
    decoder = encoder.tokenizer.decoder
    rows = [table]
    for number in range(len(table), encoder.tokenizer.get_vocab_size()):
        text = decoder.decode([encoder.tokenizer.id_to_token(number)])
        rows.append(table[before.encode(text, add_special_tokens=False).ids].mean(0, keepdim=True))
    weights["model.embed_tokens.weight"] = weights["lm_head.weight"] = torch.cat(rows)
    weights["model.norm.weight"] = smaller["model.norm.weight"]
    model.load_state_dict(weights)


class Scores:
    """Per skill, of the conversations trained on since last asked (none was met before): how many
    had all learnt tokens likeliest, and the mean chance of sampling just those."""

    def __init__(self):
        self.sums = defaultdict(lambda: [0, 0.0, 0.0])

    def add(self, skills, losses, right, row):
        """`losses`, `right`, `row`: of each learnt token, its loss, whether it was likeliest, its conversation."""
        loss = torch.zeros(len(skills)).index_add_(0, row, losses)
        wrong = torch.zeros(len(skills)).index_add_(0, row, (~right).float())
        for skill, chance, exact in zip(skills, (-loss).exp().tolist(), (wrong == 0).tolist()):
            sums = self.sums[skill]
            sums[0] += 1
            sums[1] += exact
            sums[2] += chance

    def take(self):
        rows = {s: f"{100 * e / n:.0f}/{100 * c / n:.0f}" for s, (n, e, c) in sorted(self.sums.items())}
        self.sums.clear()
        return rows


def loss_of(model, ids, labels, skills, scores):
    """Mean cross-entropy over learnt tokens; the output head runs on those rows only."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    labels = labels[:, 1:]
    learnt = labels != -100
    logits = model.lm_head(hidden[learnt])
    wanted = labels[learnt]
    losses = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
    with torch.no_grad():
        scores.add(skills, losses.detach(), logits.argmax(-1) == wanted, learnt.nonzero()[:, 0])
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


def share(model, *numbers):
    """Averages the gradients over the processes, and returns the averages of `numbers`."""
    grads = [p.grad for p in model.parameters()]
    flat = torch.cat([g.flatten() for g in grads] + [torch.tensor(numbers, dtype=torch.float32)])
    dist.all_reduce(flat)
    flat /= PROCESSES
    parts = flat.split([g.numel() for g in grads] + [len(numbers)])
    for grad, part in zip(grads, parts):
        grad.copy_(part.view_as(grad))
    return parts[-1].tolist()


def learning_rate(step, progress):
    """Warms up, holds, and falls to a hundredth from `HOLD` of the time on."""
    falling = max(0.0, progress - HOLD) / (1 - HOLD)
    cosine = (1 + math.cos(math.pi * falling)) / 2
    return PEAK_RATE * min(1.0, (step + 1) / WARMUP) * (0.01 + 0.99 * cosine)


def train(rank, args):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.work.resolve()}/meeting", rank=rank, world_size=PROCESSES)
    encoder = Encoder()
    model = build(encoder)
    if args.grow:
        grow(model, encoder, args.grow)
    optimizers = build_optimizers(model)
    average = {k: p.detach().clone() for k, p in model.named_parameters()}
    state = {"step": 0, "pool": 0, "tokens": 0, "seconds": 0.0}
    checkpoint = args.work / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        for optimizer, part in zip(optimizers, saved["optimizers"]):
            optimizer.load_state_dict(part)
        average, state = saved["average"], saved["state"]

    def save():
        parts = {"model": model.state_dict(), "average": average, "state": state}
        parts["optimizers"] = [optimizer.state_dict() for optimizer in optimizers]
        torch.save(parts, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)
        export(model, average, args.work / "export")

    clock, saved_at, losses, scores = time.time(), state["seconds"], [], Scores()
    while state["seconds"] < 60 * args.minutes:
        for ids, labels, skills in batches(encoder, mixture(args.work), state["pool"], rank):
            rate = learning_rate(state["step"], min(1.0, state["seconds"] / (60 * args.minutes)))
            for group in optimizers[0].param_groups + optimizers[1].param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", dtype=torch.bfloat16):  # the matrix products alone; weights stay float32
                loss = loss_of(model, ids, labels, skills, scores)
            model.zero_grad()
            loss.backward()
            elapsed, clock = time.time() - clock, time.time()
            seconds, tokens, loss = share(model, elapsed, ids.numel(), loss.item())
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
            keep = min(0.998, 1 - 10 / (10 + state["step"]))
            with torch.no_grad():
                torch._foreach_lerp_(list(average.values()), list(model.parameters()), 1 - keep)
            state["step"] += 1
            state["seconds"] += seconds
            state["tokens"] += int(tokens * PROCESSES)
            losses.append(loss)
            if rank == 0 and state["step"] % 100 == 0:
                row = {**state, "loss": round(sum(losses) / len(losses), 4), "rate": round(rate, 6)}
                print(json.dumps({**row, **scores.take()}), flush=True)
                losses.clear()
        state["pool"] += 1
        if rank == 0 and state["seconds"] - saved_at > SAVE_SECONDS:
            save()
            saved_at = state["seconds"]
    if rank == 0:
        save()
        print(f"done: {state}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=70, help="the whole length of training, earlier runs included")
    parser.add_argument("--grow", type=Path, help="a model of fewer layers to start from")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    (args.work / "meeting").unlink(missing_ok=True)
    torch.multiprocessing.spawn(train, args=(args,), nprocs=PROCESSES)


if __name__ == "__main__":
    main()
