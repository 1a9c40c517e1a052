#!/usr/bin/env python3
"""Compares QuantRing with the frameworks: models of every kind at real size, from the checkpoint file to the logits.

    python tests/weights/compare_frameworks.py --build build/release [--large] [--only 'deit*']

Needs what make_golden_fixtures.py needs, and Pillow. Each model is built with random weights, saved in the
published file format with its config, converted by quantring-weights, and run on one picture by quantring;
then the logits are compared with the framework's. Not run by ctest: up to 700 MB are written, read and
deleted for each of some 170 models. Exit status 1 if the error of a logit vector is above 1e-4.
"""

import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import timm
import torch
import torchvision
import transformers
from make_golden_fixtures import google_arrays, randomise
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5] * 3, [0.5] * 3)
BASE, LARGE = 130e6, 420e6  # parameters


def numbers(values):
    return ",".join(str(v) for v in values)


# --- models: name -> a function that writes the files and returns what to convert and compare -----------


def timm_hub(name, folder):
    model = timm.create_model(name)
    changes = {}
    if model.num_classes == 0:  # a backbone: with a head of 10 classes, like a fine-tuned one
        changes = {"num_classes": 10}
        model = timm.create_model(name, **changes)
    randomise(model, 1)
    save_for_hf(model, folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text())
    config.pop("model_args", None)  # most files on the hub are older than this key
    (folder / "config.json").write_text(json.dumps(config))
    cfg = config["pretrained_cfg"]
    return model, folder, [], cfg["input_size"][1:], (cfg["mean"], cfg["std"])


def timm_lone(name, folder, container):
    """Without a config, as on the release pages of DeiT and timm."""
    model = randomise(timm.create_model(name), 2)
    file = folder / f"{name}.{container}"
    if container == "pth":
        torch.save({"model": model.state_dict()}, file)
    else:
        save_file(model.state_dict(), file)
    flags = ["--heads", str(model.blocks[0].attn.num_heads), "--mean", numbers(IMAGENET[0]), "--std",
             numbers(IMAGENET[1])]  # fmt: skip
    return model, file, flags, model.patch_embed.img_size, IMAGENET


def hugging_face(kind, folder, norm, **config):
    mean, std = norm
    config = getattr(transformers, f"{kind}Config")(**config, num_labels=1000)
    suffix = "WithTeacher" if kind == "DeiT" else ""
    model = randomise(getattr(transformers, f"{kind}ForImageClassification{suffix}")(config), 3)
    model.save_pretrained(folder)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    if kind == "ViTMSN":  # transformers 5.23 drops this prefix; the files on the hub have it
        tensors = {f"vit.{k}" if k.startswith("encoder.") else k: v for k, v in tensors.items()}
        save_file(tensors, file, metadata={"format": "pt"})
    side = config.image_size
    processor = {"do_normalize": True, "do_resize": True, "image_mean": mean, "image_std": std, "resample": 2,
                 "size": {"height": side, "width": side}}  # fmt: skip
    if "Dino" in kind:  # positions for 518 pixels, pictures of 224
        side = 224
        processor |= {"image_processor_type": "BitImageProcessor", "resample": 3, "do_center_crop": True,
                      "crop_size": {"height": side, "width": side}, "size": {"shortest_edge": 256}}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return model, folder, [], (side, side), norm


def torchvision_vit(name, folder, **changes):
    model = randomise(getattr(torchvision.models, name)(weights=None, **changes), 4)
    file = folder / f"{name}.pth"
    state = {k.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): v
             for k, v in model.state_dict().items()}  # fmt: skip
    torch.save(state, file)
    flags = ["--mean", numbers(IMAGENET[0]), "--std", numbers(IMAGENET[1])]
    if model.hidden_dim % 64 == 0 and model.encoder.layers[0].num_heads * 64 != model.hidden_dim:
        flags += ["--heads", str(model.encoder.layers[0].num_heads)]
    return model, file, flags, (model.image_size,) * 2, IMAGENET


def google(name, folder, file_name):
    model = randomise(timm.create_model(name), 5)
    np.savez(folder / file_name, **google_arrays(model, big_vision=False))
    flags = ["--mean", numbers(HALF[0]), "--std", numbers(HALF[1])]
    return model, folder / file_name, flags, model.patch_embed.img_size, HALF


def entries():
    for name in sorted(timm.list_models(["vit_*", "deit*", "test_vit*", "flexivit*", "eva02_tiny*", "beit_base*"])):
        yield f"timm {name}", "safetensors + config.json", lambda f, n=name: timm_hub(n, f)
    for name in ("deit_tiny_patch16_224", "deit3_small_patch16_224", "deit_small_distilled_patch16_224"):
        for container in ("pth", "safetensors"):
            yield f"timm {name}", f".{container} alone", lambda f, n=name, c=container: timm_lone(n, f, c)
    tiny = dict(hidden_size=192, num_attention_heads=3, intermediate_size=768)
    small = dict(hidden_size=384, num_attention_heads=6, intermediate_size=1536)
    base = dict(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
    large = dict(hidden_size=1024, num_attention_heads=16, intermediate_size=4096, num_hidden_layers=24)
    giant = dict(hidden_size=384, num_attention_heads=6, use_swiglu_ffn=True)
    for name, kind, norm, config in (
        ("google/vit-base-patch16-224", "ViT", HALF, base),
        ("google/vit-base-patch16-384", "ViT", HALF, base | dict(image_size=384)),
        ("google/vit-base-patch32-384", "ViT", HALF, base | dict(image_size=384, patch_size=32)),
        ("google/vit-large-patch16-224", "ViT", HALF, large),
        ("facebook/deit-tiny-patch16-224", "ViT", IMAGENET, tiny),
        ("facebook/deit-small-patch16-224", "ViT", IMAGENET, small),
        ("facebook/deit-tiny-distilled-patch16-224", "DeiT", IMAGENET, tiny),
        ("facebook/deit-base-distilled-patch16-224", "DeiT", IMAGENET, base),
        ("facebook/deit-base-distilled-patch16-384", "DeiT", IMAGENET, base | dict(image_size=384)),
        ("facebook/vit-msn-small (fine-tuned)", "ViTMSN", IMAGENET, small),
        ("facebook/dinov2-small-imagenet1k-1-layer", "Dinov2", IMAGENET,
         small | dict(image_size=518, patch_size=14)),
        ("facebook/dinov2-base-imagenet1k-1-layer", "Dinov2", IMAGENET,
         base | dict(image_size=518, patch_size=14)),
        ("facebook/dinov2-with-registers-small-imagenet1k-1-layer", "Dinov2WithRegisters", IMAGENET,
         small | dict(image_size=518, patch_size=14)),
        ("DINOv2 with SwiGLU (as giant)", "Dinov2", IMAGENET, giant),
        ("microsoft/beit-base-patch16-224", "Beit", HALF, base),
        ("Swin", "Swin", IMAGENET, {}),
    ):  # fmt: skip
        config = {k: v for k, v in config.items() if k != "intermediate_size" or "Dino" not in kind}
        yield (f"HF {name}", "safetensors + config.json",
               lambda f, k=kind, n=norm, c=config: hugging_face(k, f, n, **c))  # fmt: skip
    for name, changes in (("vit_b_16", {}), ("vit_b_16", dict(image_size=384)), ("vit_b_32", {}),
                          ("vit_l_16", {})):  # fmt: skip
        label = f"torchvision {name}" + (" (SWAG, 384)" if changes else "")
        yield label, ".pth", lambda f, n=name, c=changes: torchvision_vit(n, f, **c)
    for name, file in (
        ("vit_base_patch16_224", "ViT-B_16.npz"),
        ("vit_tiny_patch16_224", "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0--imagenet2012-steps_20k"
         "-lr_0.03-res_224.npz"),
        ("vit_large_patch16_224", "ViT-L_16.npz"),
    ):  # fmt: skip
        yield f"Google {file}", ".npz", lambda f, n=name, k=file: google(n, f, k)


# --- one comparison --------------------------------------------------------------------------------


def run(command):
    """Exit status, output, seconds, peak memory in MB."""
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT)
        # Not wait4's ru_maxrss: that includes the memory of this process before exec.
        while process.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line])
            except OSError:
                pass
            time.sleep(0.002)
        seconds = time.monotonic() - started
        out.seek(0)
        return process.returncode, out.read().decode(), seconds, peak / 1e3


def compare(write, folder, build):
    model, source, flags, (height, width), (mean, std) = write(folder)
    converted = folder / "converted.safetensors"
    command = [build / "quantring-weights", "convert", source, "-o", converted, "--resize", "none", *flags]
    status, text, seconds, megabytes = run(command)
    if status != 0:
        lines = [line for line in text.splitlines() if line.startswith("error")] or text.splitlines()[-1:]
        return None, f"exit {status}: {' '.join(lines)}".replace(str(folder), "FOLDER")
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    status, text, _, _ = run([build / "quantring", "classify", folder / "picture.png", "--model", converted, "--logits",
                              folder / "logits.safetensors"])  # fmt: skip
    if status != 0:
        return float("inf"), f"classify failed: {text}"
    ours = load_file(folder / "logits.safetensors")["logits"].double()
    normalised = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
                  - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)  # fmt: skip
    with torch.inference_mode():
        theirs = model(normalised)
    theirs = (theirs if torch.is_tensor(theirs) else theirs.logits).double()
    error = ((ours - theirs).norm() / theirs.norm()).item()
    return error, f"converted in {seconds:.1f} s, {megabytes:.0f} MB of memory"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default="build/release", help="folder of the two programs")
    parser.add_argument("--only", default="*", help="names to run, as a glob pattern")
    parser.add_argument("--large", action="store_true", help="models of more than 130 million parameters, too")
    options = parser.parse_args()
    max_error = 0.0
    print("| model | file | relative error | |\n|---|---|---|---|", flush=True)
    for name, container, write in entries():
        if not fnmatch.fnmatch(name, options.only) and not fnmatch.fnmatch(name.split(" ", 1)[1], options.only):
            continue
        limit = LARGE if options.large else BASE
        if name.startswith("timm "):
            with torch.device("meta"):
                size = sum(p.numel() for p in timm.create_model(name[5:]).parameters())
        else:
            size = LARGE * 0.9 if "large" in name or "L_16" in name or "l_16" in name else 0
        if size > limit:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                error, text = compare(write, pathlib.Path(folder), options.build.resolve())
            except Exception as problem:  # of the framework: report it and continue
                error, text = None, f"not compared: {type(problem).__name__}: {str(problem).splitlines()[0]}"
        max_error = max(max_error, error or 0)
        print(f"| {name} | {container} | {'-' if error is None else f'{error:.1e}'} | {text} |", flush=True)
    print(f"\nmax relative error: {max_error:.1e}")
    sys.exit(max_error > 1e-4)


if __name__ == "__main__":
    main()
