#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy of the stored (f16-rounded) weights in float32 arithmetic on the CPU.

  check_fashion_mnist.py --data DIR --weights RUN/NAME_vit_timm_f16.safetensors --part validation
  check_fashion_mnist.py --data DIR --weights FILE --part test --logits test_logits.npy \\
      --golden fashion_mnist_golden64.safetensors

Choose a model by its validation figure; look at the test images once, for that model.
"""

import argparse

import numpy as np
import torch
from safetensors.torch import save_file

import fashion_data as data
from train_fashion_mnist import load_into, make_student

GOLDEN = 64


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder of the IDX files")
    p.add_argument("--weights", required=True)
    p.add_argument("--part", choices=["validation", "test"], required=True)
    p.add_argument("--logits", help="write all logits here (.npy, f32)")
    p.add_argument("--golden", help=f"write the first {GOLDEN} images' logits here (.safetensors, f32)")
    args = p.parse_args()
    x, y = data.load(args.data, "t10k" if args.part == "test" else "train")
    if args.part == "validation":
        held = data.split(y)[1]
        x, y = x[held], y[held]
    model = load_into(make_student(tiny=False), [args.weights]).eval()
    with torch.inference_mode():
        logits = torch.cat([model(data.normalize(b)) for b in x.split(200)])
    hits = logits.argmax(1) == y
    print(f"{args.part}: {int(hits.sum())} of {len(y)} right, {100 * hits.float().mean().item():.2f} %")
    for c in range(data.CLASSES):
        print(f"  class {c}: {100 * hits[y == c].float().mean().item():.1f} %")
    if args.logits:
        np.save(args.logits, logits.numpy())
    if args.golden:
        save_file({"logits": logits[:GOLDEN].clone().contiguous()}, args.golden)


if __name__ == "__main__":
    main()
