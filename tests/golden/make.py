"""Writes the golden models and logits beside this file.

    python make.py            tiny random models, each with its logits
    python make.py families   as small ones as show a family's or a rotary variant's traits
    python make.py default    logits of the embedded default model

Made with torch 2.15.0, transformers 5.23.0, safetensors 0.8.0, on the CPU in float32.

Matrices are drawn from N(0, 0.2) and norms from N(1, 0.2): attention is then sharp, and
a wrong angle, scale or head moves the logits. Each folder holds a Hugging Face model and
`golden.safetensors`: `tokens` [1, rows] int32, the prompt and then what greedy decoding
gave, and `logits` float32 [rows, vocabulary], or the last of every five rows. The rows of the prompt come from one
forward pass, the others from a step each over the library's own cache.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).resolve().parent
DEFAULT = HERE.parent.parent / "host" / "default-model"
PROMPT, STEPS = 200, 50
SCALING = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
SHAPE = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 4,
}


def tiny(name, seed, dtype, rope, **changes):
    """A random model, its weights rounded to `dtype`, saved in `HERE / name`."""
    torch.manual_seed(seed)
    config = LlamaConfig(**{**SHAPE, **changes}, rope_parameters={"rope_theta": 10000.0, **rope})
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            weight.normal_(1.0 if "norm" in key else 0.0, 0.2)
    folder = HERE / name
    model.to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    return folder


def rewrite(folder, change):
    """Edits the config in place."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2) + "\n")


def older_form(config):
    """As transformers 4 wrote it."""
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope


def shard(folder):
    """Two weight files and their index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    placed = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{number:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
        placed |= dict.fromkeys(part, file)
    index = {"metadata": {}, "weight_map": dict(sorted(placed.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


@torch.no_grad()
def record(folder, prompt, target, every=1, steps=STEPS):
    """Runs the saved model as the library loads it, and writes what it gave."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = prompt[None]
    out = model(tokens, use_cache=True)
    rows = [out.logits[0]]
    for _ in range(steps):
        token = rows[-1][-1:].argmax(-1)[None]
        tokens = torch.cat([tokens, token], dim=1)
        out = model(token, past_key_values=out.past_key_values, use_cache=True)
        rows.append(out.logits[0])
    logits = torch.cat(rows)[every - 1 :: every].contiguous()
    save_file({"tokens": tokens.to(torch.int32), "logits": logits}, target)
    print(target.relative_to(HERE), tuple(logits.shape), f"max |logit| {logits.abs().max():.3f}")


def random_prompt(vocabulary, seed, length=PROMPT):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, vocabulary, (length,), generator=generator)


def tiny_models():
    scaled = tiny("scaled", 1, torch.float32, SCALING)
    # Width is heads times head_dim here: the shape that candle-transformers reads.
    tied = tiny("tied", 2, torch.bfloat16, SCALING, tie_word_embeddings=True, num_attention_heads=4)
    rewrite(tied, older_form)
    plain = tiny("plain", 3, torch.float16, {"rope_type": "default"})
    rewrite(plain, older_form)
    shard(plain)
    for folder in (scaled, tied, plain):
        record(folder, random_prompt(SHAPE["vocab_size"], 7), folder / "golden.safetensors")


SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 4,
    "pad_token_id": None,
}


def small(name, kind, change=None, **changes):
    """A random model of the family `kind`, rounded to bfloat16, and its logits."""
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**SMALL, **changes}))
    with torch.no_grad():
        for key, weight in model.named_parameters():
            weight.normal_(1.0 if "norm" in key else 0.0, 0.2)
    folder = HERE / name
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    if change:
        rewrite(folder, change)
    record(folder, random_prompt(SMALL["vocab_size"], 7, 80), folder / "golden.safetensors", steps=20)


def without_lists(config):
    """As before transformers listed each layer's kind."""
    older_form(config)
    for key in ("layer_types", "no_rope_layers"):
        config.pop(key, None)


def families():
    def rope(**parameters):
        return {"rope_theta": 10000.0, **parameters}

    windows = {"use_sliding_window": True, "sliding_window": 20}
    small("mistral", "mistral", sliding_window=12)
    small("qwen2", "qwen2", without_lists, max_window_layers=1, **windows)
    small("qwen3", "qwen3", head_dim=16, layer_types=["sliding_attention", "full_attention"], **windows)
    small("smollm3", "smollm3", without_lists, no_rope_layer_interval=2)
    small("listed", "smollm3", no_rope_layers=[0, 1])
    small("phi3", "phi3", rope_parameters=rope(rope_type="default", partial_rotary_factor=0.75))
    small("biased", "llama", attention_bias=True, rope_parameters=rope(rope_type="linear", factor=4.0))
    yarn = rope(rope_type="yarn", factor=8.0, original_max_position_embeddings=64)
    small("yarn", "qwen3", head_dim=16, rope_parameters=yarn)
    small("ramp", "llama", head_dim=16, rope_parameters=yarn | {"beta_fast": 8.0, "beta_slow": 2.0, "truncate": False})


def default_model():
    """A conversation of held-out problems; every fifth row, to keep the file small."""
    from tokenizers import Tokenizer

    problems = json.loads((HERE.parent / "held_out" / "problems.json").read_text())
    turns = (f"<|user|>{p['problem']}<|end|><|assistant|>{p['answer']}<|end|>" for p in problems)
    tokenizer = Tokenizer.from_file(str(DEFAULT / "tokenizer.json"))
    prompt = torch.tensor(tokenizer.encode("<|begin|>" + "".join(turns)).ids[:PROMPT])
    (HERE / "default").mkdir(exist_ok=True)
    record(DEFAULT, prompt, HERE / "default" / "golden.safetensors", every=5)


if __name__ == "__main__":
    {"": tiny_models, "families": families, "default": default_model}["".join(sys.argv[1:])]()
