#!/usr/bin/env python3
"""The preprocessing of timm's published ViTs -> weights_tools/config/timm_preprocessing.inc.

One line per pretrained tag of a model that timm_models.txt calls plain: name.tag, side of the picture,
crop_pct, interpolation, mean and std (imagenet, half, clip, none), crop_mode. The first tag of a name is
timm's default. Facts only; read from timm's source, so that torch is not needed.

Run: python3 tests/weights/make_timm_preprocessing.py TIMM/models > weights_tools/config/timm_preprocessing.inc
Made with timm 1.0.31.
"""
import pathlib
import re
import sys

constants = {
    "IMAGENET_DEFAULT_MEAN": "imagenet", "IMAGENET_DEFAULT_STD": "imagenet",
    "IMAGENET_INCEPTION_MEAN": "half", "IMAGENET_INCEPTION_STD": "half",
    "OPENAI_CLIP_MEAN": "clip", "OPENAI_CLIP_STD": "clip"}
here = pathlib.Path(__file__).parent
plain = {line.split()[0] for line in open(here / "fixtures/config/timm_models.txt") if " plain " in line}


def default_cfgs(path):
    """{name.tag: settings} of the module's _cfg calls."""
    source = path.read_text()
    cfg = re.search(r"^def _cfg\(.*?^    }$", source, re.M | re.S).group(0)
    table = re.search(r"^default_cfgs = (?:generate_default_cfgs\()?(\{.*?^\})", source, re.M | re.S).group(1)
    scope = dict(constants, Dict=dict, Any=object, __builtins__={"dict": dict, "str": str, "float": float,
                                                                "int": int, "tuple": tuple, "object": object})
    exec(cfg.replace(" -> Dict[str, Any]", ""), scope)
    return eval(table, scope)


print('// Made by tests/weights/make_timm_preprocessing.py.\nR"~(', end="")
for module in ("vision_transformer.py", "deit.py"):
    for name, cfg in default_cfgs(pathlib.Path(sys.argv[1]) / module).items():
        if name.split(".")[0] not in plain:
            continue
        if (cfg["mean"], cfg["std"]) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
            cfg["mean"] = cfg["std"] = "none"
        assert cfg["mean"] == cfg["std"] and cfg["mean"] in ("imagenet", "half", "clip", "none"), (name, cfg)
        print(name, cfg["input_size"][1], cfg["crop_pct"], cfg["interpolation"], cfg["mean"],
              cfg.get("crop_mode", "center"))
print(')~"')
