#!/usr/bin/env python3
"""What timm builds for each name of a ViT -> fixtures/config/timm_models.txt.

A line a model: its name, then for a plain one "plain HEADS DIM EPS ACTIVATION POOLING". "other": more
parts than a plain ViT has, which its tensors show. "refused": other arithmetic than a ViT's under
names of tensors that can be the same.

Run: python3 tests/weights/make_timm_models.py > tests/weights/fixtures/config/timm_models.txt
Made with timm 1.0.31. Weights are neither made nor fetched (meta device). About half a minute.
"""
import warnings

import timm
import torch
from timm.models.vision_transformer import Block, VisionTransformer

warnings.filterwarnings("ignore")
ACTIVATIONS = {"GELU(approximate='none')": "gelu", "GELUTanh()": "gelu_tanh", "QuickGELU()": "gelu_quick"}


def describe(model):
    if not isinstance(model, VisionTransformer) or type(model.blocks[0]) is not Block:
        return "refused"
    block = model.blocks[0]
    norms = [n for n in (model.norm, model.fc_norm) if isinstance(n, torch.nn.LayerNorm)]
    plain = (type(block.mlp).__name__ == "Mlp" and type(model.patch_embed).__name__ == "PatchEmbed"
             and len(norms) == 1 and model.global_pool in ("token", "avg"))
    if not plain:
        return "other"
    assert norms[0].eps == block.norm1.eps == block.norm2.eps
    return (f"plain {block.attn.num_heads} {model.embed_dim} {block.norm1.eps:g} "
            f"{ACTIVATIONS[repr(block.mlp.act)]} {model.global_pool}")


with torch.device("meta"):
    for name in sorted(timm.list_models(["vit_*", "deit*", "flexivit*", "test_vit*"])):
        print(name, describe(timm.create_model(name)))
