#!/usr/bin/env python3
"""Images per second of QuantRing beside ONNX Runtime: fp32, one thread each, the same shapes.

Both run random weights, turn by turn, so that a neighbour who takes the processor hits both; what
counts is the median over the turns of the ratio within a turn.

Needs: numpy, onnx, onnxruntime, and a release build of quantring.
Usage: compare_onnxruntime.py build/release/quantring [--cpu 1] [--turns 7]
"""

import argparse
import json
import os
import statistics
import subprocess
import time

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SHAPES = {
    "vit_base": dict(dim=768, heads=12, mlp=3072),
    "deit_tiny": dict(dim=192, heads=3, mlp=768),
}
DEPTH, SIDE, PATCH, CLASSES = 12, 224, 16, 1000
TOKENS = (SIDE // PATCH) ** 2 + 1


class Graph:
    """Collects nodes and weights; every method returns the name of its result."""

    def __init__(self):
        self.nodes, self.weights = [], []
        self.random = np.random.default_rng(1)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape):
        return self.constant(self.random.uniform(-0.05, 0.05, shape).astype(np.float32))

    def scalar(self, value):
        return self.constant(np.float32(value))

    def ints(self, *values):
        return self.constant(np.array(values, dtype=np.int64))

    def linear(self, x, rows, cols):
        return self.op("Add", self.op("MatMul", x, self.weight(rows, cols)), self.weight(cols))

    def norm(self, x, dim):
        return self.op("LayerNormalization", x, self.weight(dim), self.weight(dim), epsilon=1e-6)

    def gelu(self, x):
        erf = self.op("Erf", self.op("Div", x, self.scalar(np.sqrt(2.0))))
        half = self.op("Mul", x, self.op("Add", erf, self.scalar(1.0)))
        return self.op("Mul", half, self.scalar(0.5))

    def attention(self, x, dim, heads):
        split = self.op("Reshape", self.linear(x, dim, 3 * dim),
                        self.ints(0, TOKENS, 3, heads, dim // heads))
        by_head = self.op("Transpose", split, perm=[2, 0, 3, 1, 4])
        q, k, v = [self.op("Gather", by_head, self.constant(np.int64(i)), axis=0) for i in range(3)]
        scaled = self.op("Mul", q, self.scalar((dim // heads) ** -0.5))
        scores = self.op("MatMul", scaled, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        joined = self.op("Transpose", mixed, perm=[0, 2, 1, 3])
        return self.linear(self.op("Reshape", joined, self.ints(0, TOKENS, dim)), dim, dim)


def vision_transformer(batch, dim, heads, mlp):
    """A pre-norm Vision Transformer in plain operators, as exporters write it."""
    g = Graph()
    grid = g.op("Conv", "pixels", g.weight(dim, 3, PATCH, PATCH), g.weight(dim),
                kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
    patches = g.op("Transpose", g.op("Reshape", grid, g.ints(0, dim, TOKENS - 1)), perm=[0, 2, 1])
    x = g.op("Add", g.op("Concat", g.weight(batch, 1, dim), patches, axis=1),
             g.weight(1, TOKENS, dim))
    for _ in range(DEPTH):
        x = g.op("Add", x, g.attention(g.norm(x, dim), dim, heads))
        hidden = g.gelu(g.linear(g.norm(x, dim), dim, mlp))
        x = g.op("Add", x, g.linear(hidden, mlp, dim))
    token = g.op("Gather", g.norm(x, dim), g.constant(np.int64(0)), axis=1)
    logits = g.linear(token, dim, CLASSES)
    image = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])
    result = helper.make_tensor_value_info(logits, TensorProto.FLOAT, [batch, CLASSES])
    graph = helper.make_graph(g.nodes, "vit", [image], [result], g.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def open_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


def time_onnxruntime(session, pixels, seconds):
    """Median images per second over runs that together take about `seconds`."""
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        start = time.perf_counter()
        session.run(None, {"pixels": pixels})
        samples.append(time.perf_counter() - start)
    return len(pixels) / statistics.median(samples)


def time_quantring(program, shape, batch):
    command = [program, "bench", "--model-shape", shape, "--batch", str(batch), "--threads", "1",
               "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["images_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("quantring")
    parser.add_argument("--cpu", type=int, default=1, help="core that both are pinned to")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2, help="time for ONNX Runtime per turn")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.cpu})  # inherited by the programs that are started
    print(f"onnxruntime {onnxruntime.__version__}, one thread each, images per second")
    print(f"{'model':10} {'batch':>5} {'quantring':>10} {'onnxruntime':>12} {'ratio':>6}  turns")
    for shape, sizes in SHAPES.items():
        for batch in (1, 8):
            session = open_session(vision_transformer(batch, **sizes))
            pixels = np.random.default_rng(2).random((batch, 3, SIDE, SIDE), dtype=np.float32)
            time_onnxruntime(session, pixels, 0)  # warm up
            ours, theirs = [], []
            for _ in range(options.turns):
                ours.append(time_quantring(options.quantring, shape, batch))
                theirs.append(time_onnxruntime(session, pixels, options.seconds))
            ratios = sorted(a / b for a, b in zip(ours, theirs))
            print(f"{shape:10} {batch:5} {statistics.median(ours):10.2f} "
                  f"{statistics.median(theirs):12.2f} {statistics.median(ratios):6.2f}  "
                  f"{ratios[0]:.2f} to {ratios[-1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
