"""Writes the golden GGUF files and llama.cpp's logits, in gguf/ beside this file.

    python make_gguf.py

Made with llama-cpp-python 0.3.36 (llama.cpp, on the CPU, with AVX2), gguf 0.17.1, numpy 2.4.6,
safetensors 0.8.0.

One file for each way of storing weights, and among them every architecture that is read, with
rotary scalings and fused, tied and biased projections. Matrices are drawn from N(0, 0.2), norms
and what rotary frequencies are divided by from N(1, 0.2), biases from N(0, 0.2). Rows of the K
formats must be multiples of 256.

Each folder holds `model.gguf` and `golden.safetensors`:
 - `tokens` [1, rows] int32, the prompt and then what greedy decoding gave;
 - `logits` float32 [rows, vocabulary], of the same weights widened to F32 by the gguf package:
   llama.cpp then computes in float32 throughout;
 - `quantised`, the same shape, of `model.gguf` itself: llama.cpp then rounds the inputs of each
   product to the kind that its weights' dot products want (8 bits for quantised weights, f16 for
   f16, bf16 for bf16), which choreo does not.
The rows of the prompt come from one batch, the others from a step each; keys and values are f32.
"""

import ctypes
from pathlib import Path

import gguf
import llama_cpp as llama
import numpy as np
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

HERE = Path(__file__).resolve().parent / "gguf"
PROMPT, STEPS = 64, 16
VOCABULARY = 96
SMALL = {"width": 64, "inner": 96, "heads": 4, "key_value_heads": 2, "head_dim": 16, "layers": 2}
LARGE = {"width": 256, "inner": 256, "heads": 4, "key_value_heads": 1, "head_dim": 64, "layers": 1}


class Model:
    """Metadata and tensors; matrices are rounded to one type when they are written."""

    def __init__(self, architecture, seed, shape, *, tied=False, biased=(), head_norms=False, fused=False,
                 divisors=False, metadata=None):
        self.architecture, self.shape, self.metadata = architecture, shape, metadata or {}
        self.random = np.random.default_rng(seed)
        width, inner, head_dim = shape["width"], shape["inner"], shape["head_dim"]
        queries, keys = shape["heads"] * head_dim, shape["key_value_heads"] * head_dim
        self.matrices, self.vectors = {}, {}
        self.matrix("token_embd", VOCABULARY, width)
        self.vector("output_norm.weight", width, 1.0)
        if not tied:
            self.matrix("output", VOCABULARY, width)
        if divisors:
            self.vector("rope_freqs.weight", head_dim // 2, 1.0)
        for layer in range(shape["layers"]):
            part = f"blk.{layer}.".__add__
            self.vector(part("attn_norm.weight"), width, 1.0)
            self.vector(part("ffn_norm.weight"), width, 1.0)
            if head_norms:
                self.vector(part("attn_q_norm.weight"), head_dim, 1.0)
                self.vector(part("attn_k_norm.weight"), head_dim, 1.0)
            inputs = {"attn_qkv": queries + 2 * keys} if fused else {"attn_q": queries, "attn_k": keys, "attn_v": keys}
            for name, rows in inputs.items():
                self.matrix(part(name), rows, width)
                if "inputs" in biased:
                    self.vector(part(f"{name}.bias"), rows, 0.0)
            self.matrix(part("attn_output"), width, queries)
            if "output" in biased:
                self.vector(part("attn_output.bias"), width, 0.0)
            if fused:
                self.matrix(part("ffn_up"), 2 * inner, width)
            else:
                self.matrix(part("ffn_gate"), inner, width)
                self.matrix(part("ffn_up"), inner, width)
            self.matrix(part("ffn_down"), width, inner)

    def matrix(self, name, rows, columns):
        self.matrices[f"{name}.weight"] = self.random.normal(0, 0.2, (rows, columns)).astype(np.float32)

    def vector(self, name, length, mean):
        self.vectors[name] = self.random.normal(mean, 0.2, length).astype(np.float32)

    def write(self, path, kind, widened=False):
        """Matrices rounded to `kind`, and then widened to F32 again."""
        shape = self.shape
        writer = gguf.GGUFWriter(path, self.architecture)
        writer.add_context_length(512)
        writer.add_embedding_length(shape["width"])
        writer.add_feed_forward_length(shape["inner"])
        writer.add_block_count(shape["layers"])
        writer.add_head_count(shape["heads"])
        writer.add_head_count_kv(shape["key_value_heads"])
        writer.add_key_length(shape["head_dim"])
        writer.add_value_length(shape["head_dim"])
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_freq_base(10000.0)
        writer.add_vocab_size(VOCABULARY)
        writer.add_tokenizer_model("none")
        for key, value in self.metadata.items():
            key = f"{self.architecture}.{key}"
            if isinstance(value, str):
                writer.add_string(key, value)
            elif isinstance(value, float):
                writer.add_float32(key, value)
            else:
                writer.add_uint32(key, value)
        for name, values in self.vectors.items():
            writer.add_tensor(name, values)
        for name, values in self.matrices.items():
            stored = quantised(values, kind)
            if widened:
                writer.add_tensor(name, gguf.dequantize(stored, kind).astype(np.float32))
            else:
                writer.add_tensor(name, stored, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def quantised(values, kind):
    """The bytes of each row, as ggml rounds them."""
    if kind == Type.F32:
        return values
    if kind == Type.F16:
        return values.astype(np.float16)
    rows, columns = values.shape
    if kind == Type.BF16:
        return gguf.quantize(values, kind)
    block, size = gguf.GGML_QUANT_SIZES[kind]
    out = np.zeros((rows, columns // block * size), dtype=np.uint8)
    quantise = ctypes.CDLL(str(Path(llama.llama_cpp._lib._name).with_name("libggml-base.so"))).ggml_quantize_chunk
    quantise.restype = ctypes.c_size_t
    quantise(ctypes.c_int(kind), values.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
             ctypes.c_int64(0), ctypes.c_int64(rows), ctypes.c_int64(columns), None)
    return out


def run(path, tokens, prompt, steps):
    """Logits of every token; those after the prompt are appended greedily if they are not given."""
    parameters = llama.llama_model_default_params()
    parameters.n_gpu_layers = 0
    model = llama.llama_load_model_from_file(str(path).encode(), parameters)
    assert model, path
    options = llama.llama_context_default_params()
    options.n_ctx = options.n_batch = options.n_ubatch = 512
    options.n_threads = options.n_threads_batch = 1
    options.type_k = options.type_v = 0
    options.flash_attn_type = 0
    context = llama.llama_new_context_with_model(model, options)
    tokens, rows = list(tokens), []

    def decode(start, end):
        batch = llama.llama_batch_init(512, 0, 1)
        batch.n_tokens = end - start
        for i in range(end - start):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = tokens[start + i], start + i, 1, 1
            batch.seq_id[i][0] = 0
        assert llama.llama_decode(context, batch) == 0
        for i in range(end - start):
            logits = llama.llama_get_logits_ith(context, i)
            rows.append(np.ctypeslib.as_array(logits, (VOCABULARY,)).copy())
        llama.llama_batch_free(batch)

    decode(0, prompt)
    for index in range(prompt, prompt + steps):
        if len(tokens) == index:
            tokens.append(int(rows[-1].argmax()))
        decode(index, index + 1)
    llama.llama_free(context)
    llama.llama_free_model(model)
    return tokens, np.stack(rows)


def record(name, kind, model):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    widened = folder / "widened.gguf"
    model.write(folder / "model.gguf", kind)
    model.write(widened, kind, widened=True)
    prompt = np.random.default_rng(7).integers(0, VOCABULARY, PROMPT).tolist()
    tokens, logits = run(widened, prompt, PROMPT, STEPS)
    _, rounded = run(folder / "model.gguf", tokens, PROMPT, STEPS)
    widened.unlink()
    tensors = {"tokens": np.array([tokens], dtype=np.int32), "logits": logits, "quantised": rounded}
    save_file(tensors, folder / "golden.safetensors")
    scale = np.abs(logits).max()
    print(f"{name}: max |logit| {scale:.3f}; rounded inputs move logits by {np.abs(rounded - logits).max() / scale:.2e}")


YARN = {"rope.scaling.type": "yarn", "rope.scaling.factor": 8.0, "rope.scaling.original_context_length": 64}
LINEAR = {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}

if __name__ == "__main__":
    llama.llama_backend_init()
    record("f32", Type.F32, Model("llama", 1, SMALL, divisors=True, metadata={"rope.dimension_count": 16}))
    record("f16", Type.F16, Model("smollm3", 2, SMALL | {"layers": 4}, tied=True))
    record("bf16", Type.BF16, Model("qwen3", 3, SMALL | {"head_dim": 32}, head_norms=True, metadata=YARN))
    record("q8_0", Type.Q8_0, Model("qwen2", 4, SMALL, biased=("inputs",), metadata=LINEAR))
    record("q4_0", Type.Q4_0, Model("phi3", 5, SMALL, fused=True, metadata={"rope.dimension_count": 12}))
    record("q4_k", Type.Q4_K, Model("llama", 6, LARGE))
    record("q5_k", Type.Q5_K, Model("qwen3", 7, LARGE, tied=True, head_norms=True))
    record("q6_k", Type.Q6_K, Model("llama", 8, LARGE, tied=True, biased=("inputs", "output")))
