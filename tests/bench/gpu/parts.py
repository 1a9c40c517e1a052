"""Times of PyTorch's ops at the shapes of a model, every layer with its own weights, as one CUDA
graph. Milliseconds for all layers."""

import sys

import torch
import torch.nn.functional as F

from torch_side import BATCHES, capture, choose_attention, median_ms

SHAPES = {"vit_tiny": (192, 12, 3), "vit_base": (768, 12, 12), "vit_large": (1024, 24, 16)}
TOKENS = 197


def random(*shape):
    return torch.randn(*shape, dtype=torch.float16, device="cuda")


def linear(layers, rows, inputs, outputs):
    weights = [(random(outputs, inputs) / inputs**0.5, random(outputs)) for _ in range(layers)]
    x = random(rows, inputs)
    return lambda: [F.linear(x, w, b) for w, b in weights]


def attention(layers, batch, dim, heads):
    # q, k and v as views of one product's result, as in timm.
    qkv = random(batch, TOKENS, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    return lambda: [F.scaled_dot_product_attention(q, k, v) for _ in range(layers)]


def norm(times, rows, dim):
    x, gamma, beta = random(rows, dim), random(dim), random(dim)
    return lambda: [F.layer_norm(x, (dim,), gamma, beta, 1e-6) for _ in range(times)]


def gelu(layers, rows, dim):
    x = random(rows, 4 * dim)
    return lambda: [F.gelu(x) for _ in range(layers)]


def residual(times, rows, dim):
    x, y = random(rows, dim), random(rows, dim)
    return lambda: [x + y for _ in range(times)]


def parts_of(shape, batch):
    dim, layers, heads = SHAPES[shape]
    rows = batch * TOKENS
    yield "qkv", None, linear(layers, rows, dim, 3 * dim)
    yield "proj", None, linear(layers, rows, dim, dim)
    yield "fc1", None, linear(layers, rows, dim, 4 * dim)
    yield "fc2", None, linear(layers, rows, 4 * dim, dim)
    for kind in ("flash", "cudnn"):
        yield "attn." + kind, kind, attention(layers, batch, dim, heads)
    yield "norms", None, norm(2 * layers, rows, dim)
    yield "gelu", None, gelu(layers, rows, dim)
    yield "adds", None, residual(2 * layers, rows, dim)


def measure(shape, seconds=0.05):
    """{batch: {part: ms}}"""
    result = {}
    for batch in BATCHES:
        result[batch] = {}
        for name, kind, function in parts_of(shape, batch):
            if kind is not None:
                choose_attention(kind)
            result[batch][name] = median_ms(capture(function), 10, seconds)
    return result


def print_table(shape, measured):
    names = list(measured[BATCHES[0]])
    print(f"{shape:9} batch " + " ".join(f"{name:>10}" for name in names))
    for batch, times in measured.items():
        print(f"{'':9} {batch:5} " + " ".join(f"{times[name]:10.4f}" for name in names), flush=True)


if __name__ == "__main__":
    with torch.inference_mode():
        for wanted in sys.argv[1:] or ["vit_base"]:
            print_table(wanted, measure(wanted))
