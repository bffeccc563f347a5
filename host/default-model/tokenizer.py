"""Extends tokenizer.json by what the world says and it has not as one token.

    python tokenizer.py

Byte-level BPE in Llama 3's manner: every word and number of the world is one token, and a
number takes the space before it, like a word. Tokens that are there keep their numbers,
and texts of words that were one token keep their tokens: the new merges come after all others.
A tokenizer of nothing but bytes is begun where no file is.
"""

import json
import random
from collections import Counter
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

import world
from world.base import SEED

HERE = Path(__file__).resolve().parent
FILE = HERE / "tokenizer.json"
SPECIAL = ["<|begin|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
PIECES = r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEMPLATE = (
    "{{- bos_token }}{%- for message in messages %}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)
SAMPLES = 2000  # of each skill


def world_text():
    """Headers and contents of whole messages, and every number bare and after a space."""
    rng = random.Random(SEED)
    yield from (f"{n} {n}" for n in range(100))
    for skill in world.SKILLS.values():
        for _ in range(SAMPLES):
            for message in skill(rng):
                yield from (message["header"], message["content"])


def begin():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({byte: i for i, byte in enumerate(alphabet, len(SPECIAL))}, []))
    split = pre_tokenizers.Split(Regex(PIECES), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    return tokenizer


def extend(parts, texts):
    """Adds tokens and merges to `parts`, tokenizer.json's, until every piece of `texts` is one token."""
    tokenizer = Tokenizer.from_str(json.dumps(parts))
    pieces = sorted({piece for text in set(texts) for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)})
    vocabulary, merges = parts["model"]["vocab"], parts["model"]["merges"]
    split = [tokens for piece in pieces if len(tokens := [t.value for t in tokenizer.model.tokenize(piece)]) > 1]
    while split:
        pairs = Counter(pair for tokens in split for pair in zip(tokens, tokens[1:]))
        (left, right), _ = max(pairs.items(), key=lambda row: (row[1], row[0]))
        merges.append([left, right])
        vocabulary.setdefault(left + right, len(vocabulary))
        split = [tokens for tokens in (merged(tokens, left, right) for tokens in split) if len(tokens) > 1]
    return parts


def merged(tokens, left, right):
    """`tokens` with each `left`, `right` as one."""
    result = []
    for token in tokens:
        if result and (result[-1], token) == (left, right):
            result[-1] = left + right
        else:
            result.append(token)
    return result


def build():
    tokenizer = Tokenizer.from_file(str(FILE)) if FILE.exists() else begin()
    parts = extend(json.loads(tokenizer.to_str()), world_text())
    tokenizer = Tokenizer.from_str(json.dumps(parts))
    tokenizer.save(str(FILE))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|begin|>",
        "eos_token": "<|end|>",
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (HERE / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return tokenizer


if __name__ == "__main__":
    print("vocabulary", build().get_vocab_size())
