"""Compares QuantRing with PyTorch on this GPU, cell by cell, alternating within one run.

    compare_torch.py BENCH_STAGE [--models vit_base,...] [--turns 3] [--seconds 60] [--modes default]
                     [--precision f16] [--out FILE.json]

Each cell is the median over turns; the ratio is taken within each turn, against PyTorch's fastest
variant: a CUDA graph of the unchanged model with flash attention or cuDNN's (the faster of these is
in the column "graph"), or of the result of torch.compile. Exits with 1 if a ratio is below its target."""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GRAPH = ("flash", "cudnn")  # PyTorch's variants without torch.compile
BATCHES = (1, 8, 32, 128)
TARGETS = {1: 1.6, 8: 1.3, 32: 1.3, 128: 1.35}  # times PyTorch
# dim, layers; patches of 16 x 16 x 3, 1000 classes, an MLP four times as wide
SHAPES = {"vit_tiny": (192, 12), "vit_base": (768, 12), "vit_large": (1024, 24)}
OURS = {"vit_tiny": "deit_tiny"}
TOKENS = 197


class Child:
    """A program that answers each line with a line of JSON."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.process.args[:2]} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_workers(models, seconds, modes):
    """One process per cell that prepares PyTorch's side, in parallel: compiling takes longest."""
    script = os.path.join(HERE, "torch_worker.py")
    return {
        (model, batch): Child([sys.executable, script, model, str(batch), str(seconds), *modes])
        for model in models
        for batch in BATCHES
    }


def weights_mb(model):
    dim, layers = SHAPES[model]
    return 2e-6 * (12 * dim * dim * layers + 768 * dim + 1000 * dim)


def gflops(model):
    """Of one image: matrix products and attention."""
    dim, layers = SHAPES[model]
    per_layer = 2 * TOKENS * 12 * dim * dim + 4 * TOKENS * TOKENS * dim
    return 1e-9 * (layers * per_layer + 2 * (TOKENS - 1) * 768 * dim + 2 * 1000 * dim)


def measure_cell(ours, torch, model, batch, variants, turns):
    """Times of ours and of PyTorch's fastest variants, turn by turn."""
    answers, torch_ms = [], {}
    for turn in range(turns):
        for variant in variants:
            torch_ms.setdefault(variant, []).append(torch.ask(variant)["ms"])
        answers.append(ours.ask(f"{OURS.get(model, model)} {batch}"))
        if turn == 0:  # the others cannot become the fastest
            fastest = min(times[0] for times in torch_ms.values())
            variants = [v for v in variants if torch_ms[v][0] <= 1.05 * fastest]
    best = min(variants, key=lambda v: statistics.median(torch_ms[v]))
    our_ms = [answer["ms"] for answer in answers]
    ratios = [theirs / mine for theirs, mine in zip(torch_ms[best], our_ms)]
    return {
        "model": model, "batch": batch, "torch": best,
        "torch_ms": statistics.median(torch_ms[best]), "all_torch_ms": torch_ms,
        "ours_ms": statistics.median(our_ms), "ours_all_ms": our_ms,
        "graph_ms": min(statistics.median(torch_ms[variant]) for variant in GRAPH),
        "ratio": statistics.median(ratios), "ratios": ratios,
        "first_ms": answers[0]["first_ms"], "device_mb": answers[-1]["device_mb"],
    }  # fmt: skip


def print_cell(cell, roof):
    model, batch, ms = cell["model"], cell["batch"], cell["ours_ms"]
    bytes_ms = weights_mb(model) / roof["copy_gb_per_s"]
    flops_ms = gflops(model) * batch / roof["matmul_tflops"]
    good = "" if cell["ratio"] >= TARGETS[batch] else f"  below {TARGETS[batch]}"
    print(
        f"{model:9} {batch:5} {cell['graph_ms']:8.4f}  {cell['torch']:15} {cell['torch_ms']:8.4f} {ms:8.4f} "
        f"{1e3 * batch / ms:9.0f}  {cell['ratio']:5.2f} ({min(cell['ratios']):.2f} to "
        f"{max(cell['ratios']):.2f})  {100 * max(bytes_ms, flops_ms) / ms:3.0f} %{good}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bench_stage")
    parser.add_argument("--models", default=",".join(SHAPES))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60, help="for torch.compile")
    parser.add_argument("--modes", default="default", help="of torch.compile")
    parser.add_argument("--precision", default="f16")
    parser.add_argument("--residual", default="", help="f32: keep the residual stream in f32")
    parser.add_argument("--out")
    options = parser.parse_args()
    models = options.models.split(",")
    modes = [mode for mode in options.modes.split(",") if mode]

    workers = start_workers(models, options.seconds, modes)
    ours = Child([options.bench_stage, "cuda", options.precision, options.residual])
    ready = {cell: child.read() for cell, child in workers.items()}
    roof = next(iter(workers.values())).ask("roof")
    print(f"copy {roof['copy_gb_per_s']:.0f} GB/s, matrix product {roof['matmul_tflops']:.0f} TFLOP/s")
    for (model, batch), answer in ready.items():
        for mode, why in answer["missing"].items():
            print(f"torch.compile {mode} {model} {batch}: {why}")
    print("model     batch    graph  fastest               ms  ours ms  images/s  ratio               of the roof")
    cells = []
    for (model, batch), torch in workers.items():
        variants = ready[model, batch]["ready"]
        cells.append(measure_cell(ours, torch, model, batch, variants, options.turns))
        print_cell(cells[-1], roof)
    for child in (*workers.values(), ours):
        child.close()
    if options.out:
        with open(options.out, "w") as file:
            json.dump({"roof": roof, "precision": options.precision, "cells": cells}, file, indent=1)
    return 0 if all(cell["ratio"] >= TARGETS[cell["batch"]] for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main())
