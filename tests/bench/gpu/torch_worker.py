"""One model of PyTorch's, prepared in every way for some batch sizes, then timed when asked.

    torch_worker.py MODEL BATCH,... SECONDS [MODE...]     MODE of torch.compile: default, max-autotune

Prepares within SECONDS (what is not ready then is left out), prints a JSON line with what there is,
and answers each "VARIANT BATCH" on stdin with milliseconds."""

import json
import sys
import time

import torch

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
    torch._dynamo.reset()
    # The graph is captured by hand, so that its input is not copied at every call.
    options = {"default": None, "max-autotune": "max-autotune-no-cudagraphs"}
    function = torch.compile(model, mode=options[mode], dynamic=False)
    pixels = make_pixels(batch)
    return capture(lambda: function(pixels))


def prepare(name, batches, seconds, modes):
    """{(variant, batch): replay}, and why others are missing."""
    start = time.monotonic()
    model = make_model(name)
    replays, missing = {}, {}
    for attention in ATTENTION:
        choose_attention(attention)
        for batch in batches:
            replays[attention, batch] = forward(model, batch)
    for mode in modes:
        for batch in batches:
            if time.monotonic() - start > seconds:
                missing[f"{mode} {batch}"] = "no time left"
                continue
            # Which kernel is faster is known from the replays above.
            def quick_ms(attention):
                return median_ms(replays[attention, batch], 10, 0.02, 3)

            choose_attention(min(ATTENTION, key=quick_ms))
            try:
                replays["compile-" + mode, batch] = compiled(model, mode, batch)
            except Exception as error:  # whatever the compiler throws: told, not fatal
                missing[f"{mode} {batch}"] = repr(error)[:200]
    return replays, missing


def main():
    name, seconds, modes = sys.argv[1], float(sys.argv[3]), sys.argv[4:]
    batches = [int(batch) for batch in sys.argv[2].split(",")]
    with torch.inference_mode():
        replays, missing = prepare(name, batches, seconds, modes)
        ready = [[variant, batch] for variant, batch in replays]
        print(json.dumps({"ready": ready, "missing": missing}), flush=True)
        for line in sys.stdin:
            variant, batch = line.split()
            print(json.dumps({"ms": median_ms(replays[variant, int(batch)])}), flush=True)


if __name__ == "__main__":
    main()
