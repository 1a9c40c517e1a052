"""One PyTorch model at one batch size, prepared in every variant, then timed on request.

    torch_worker.py MODEL BATCH SECONDS [MODE...]     MODE of torch.compile: default, max-autotune

Prepares within SECONDS (variants not started by then are skipped), prints a JSON line with the
variants, and answers each line on stdin: the name of a variant with milliseconds, "roof" with the
GPU's peak rates."""

import json
import sys
import time

import torch

import roof
from torch_side import (
    ATTENTION,
    capture,
    choose_attention,
    forward,
    make_model,
    make_pixels,
    median_ms,
)


def compiled(model, mode, batch):
    # The graph is captured here, so that its input is not copied at every call.
    options = {"default": None, "max-autotune": "max-autotune-no-cudagraphs"}
    function = torch.compile(model, mode=options[mode], dynamic=False)
    pixels = make_pixels(batch)
    return capture(lambda: function(pixels))


def prepare(name, batch, seconds, modes):
    """{variant: replay}, and the reasons why others are missing."""
    start = time.monotonic()
    model = make_model(name)
    replays, missing = {}, {}
    for attention in ATTENTION:
        choose_attention(attention)
        replays[attention] = forward(model, batch)
    choose_attention(min(ATTENTION, key=lambda variant: median_ms(replays[variant], 10, 0.02, 3)))
    for mode in modes:
        if time.monotonic() - start > seconds:
            missing[mode] = "no time left"
            continue
        try:
            replays["compile-" + mode] = compiled(model, mode, batch)
        except Exception as error:  # any exception of the compiler is reported, not fatal
            missing[mode] = repr(error)[:200]
    return replays, missing


def main():
    name, batch, seconds, modes = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    with torch.inference_mode():
        replays, missing = prepare(name, batch, seconds, modes)
        print(json.dumps({"ready": list(replays), "missing": missing}), flush=True)
        for line in sys.stdin:
            question = line.strip()
            answer = roof.measure() if question == "roof" else {"ms": median_ms(replays[question])}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
