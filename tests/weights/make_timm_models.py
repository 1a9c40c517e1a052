#!/usr/bin/env python3
"""The models that timm builds for each ViT name -> fixtures/config/timm_models.txt.

One line per model: its name, then for a plain one "plain HEADS DIM EPS ACTIVATION POOLING". "other": has
parts beyond a plain ViT, which its tensors show. "refused": has other arithmetic than a ViT, possibly
with the same tensor names.

Run: python3 tests/weights/make_timm_models.py > tests/weights/fixtures/config/timm_models.txt
Made with timm 1.0.31. Weights are neither created nor fetched (meta device). About half a minute.
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
    for name in sorted(timm.list_models(["vit_*", "deit*", "flexivit*", "test_vit*", "eva_large*"])):
        print(name, describe(timm.create_model(name)))
