#!/usr/bin/env python3
"""Makes fixtures/golden: tiny random models in published file formats, and their values in PyTorch.

Needs torch, torchvision, timm 1.0.31, transformers 5.23.0, safetensors, numpy. Run it in this folder.
CASE/ holds a model as on the hub (weights, config.json, ...), CASE.{safetensors,pth,npz} a file
without config; CASE.golden.safetensors holds input [2, 3, h, w] (normalised), block_i (the residual stream after
block i) and logits. Every parameter is random, norms, biases, tokens and LayerScale too: the frameworks
leave many of them at 0 or 1, which would hide a missing or swapped bias.
"""

import json
import pathlib
import shutil

import numpy as np
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file
from timm.layers import LayerScale, resample_abs_pos_embed
from timm.models import save_for_hf
from torchvision.models import VisionTransformer as TorchvisionViT

OUT = pathlib.Path(__file__).parent / "fixtures" / "golden"
SMALL = dict(img_size=12, patch_size=4, embed_dim=16, depth=2, num_heads=2, mlp_ratio=1.5, num_classes=5)
HF = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, image_size=12,
          patch_size=4)  # fmt: skip
ANIMALS = dict(enumerate(["tabby cat", "goldfish, Carassius auratus", "Eskimo dog", "tench", "crane"]))


def randomise(model, seed, embedding=0.5):
    """embedding: size of tokens and positions; with a small one, eps of the first norm matters."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            own = dict(module.named_parameters(recurse=False))
            for name, p in own.items():
                if isinstance(module, torch.nn.LayerNorm):
                    p.copy_(0.3 * torch.randn(p.shape) + (name == "weight"))
                elif isinstance(module, LayerScale) or name == "lambda1":
                    p.copy_(0.1 + 0.9 * torch.rand(p.shape))
                elif p.ndim == 1:
                    p.copy_(0.3 * torch.randn(p.shape))
                elif isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) or name == "in_proj_weight":
                    size = embedding * 2 if isinstance(module, torch.nn.Conv2d) else 1.3
                    p.copy_(size * torch.randn(p.shape) / p[0].numel() ** 0.5)
                else:  # tokens and positions
                    p.copy_(embedding * torch.randn(p.shape))
    return model.eval()


def write_golden(name, model, blocks, height=12, width=12):
    torch.manual_seed(len(name))
    golden = {"input": torch.randn(2, 3, height, width)}

    def keep(i):
        def hook(module, args, out):
            golden[f"block_{i}"] = (out[0] if isinstance(out, tuple) else out).detach().clone()

        return hook

    hooks = [block.register_forward_hook(keep(i)) for i, block in enumerate(blocks)]
    with torch.no_grad():
        out = model(golden["input"])
    for hook in hooks:
        hook.remove()
    golden["logits"] = out if torch.is_tensor(out) else out.logits
    assert all(v.isfinite().all() and v.ndim <= 4 for v in golden.values())
    save_file({k: v.contiguous() for k, v in golden.items()}, OUT / f"{name}.golden.safetensors")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


# --- timm ------------------------------------------------------------------------------------------


def timm_model(architecture, seed, embedding=0.5, **changes):
    return randomise(timm.create_model(architecture, **{**SMALL, **changes}), seed, embedding)


def timm_hub(name, architecture, seed, embedding=0.5, **changes):
    """A folder as timm pushes it to the hub: weights, and config.json with model_args and pretrained_cfg."""
    model = timm_model(architecture, seed, embedding, **changes)
    size = model.patch_embed.img_size
    model.pretrained_cfg["input_size"] = (3, *size)
    save_for_hf(model, OUT / name, safe_serialization=True)
    write_golden(name, model, model.blocks, *size)


def timm_hub_cases():
    small = "vit_small_patch16_224.augreg_in21k_ft_in1k"
    timm_hub("timm_qk_norm", small, 1, qk_norm=True)
    timm_hub("timm_clip", "vit_base_patch16_clip_quickgelu_224.openai", 2, embedding=0.01)
    timm_hub("timm_fc_norm", small, 3, global_pool="avg")
    timm_hub("timm_gap", "vit_medium_patch16_gap_256.sw_in12k_ft_in1k", 4)
    timm_hub("timm_avg_norm", small, 5, global_pool="avg", fc_norm=False)
    timm_hub("timm_no_qkv_bias", small, 6, qkv_bias=False)
    timm_hub("timm_deit3", "deit3_small_patch16_224.fb_in1k", 7)
    timm_hub("timm_dinov2_reg4", "vit_small_patch14_reg4_dinov2.lvd142m", 8)
    timm_hub("timm_reg1_gap", "vit_little_patch16_reg1_gap_256.sbb_in12k_ft_in1k", 9, mlp_ratio=1.5)
    timm_hub("timm_tanh", small, 10, act_layer="gelu_tanh")
    timm_hub("timm_wide", small, 11, img_size=(8, 24))
    timm_hub("timm_everything", "vit_base_patch16_clip_224.openai_ft_in12k_in1k", 12, img_size=(16, 24),
             patch_size=(4, 8), qk_norm=True, init_values=1e-5, reg_tokens=2, global_pool="avg", fc_norm=True,
             qkv_bias=False, no_embed_class=True, act_layer="gelu_tanh")  # fmt: skip


def timm_file_cases():
    # Another image size: positions as timm resamples them when it loads weights of another size.
    model = timm_model("deit3_small_patch16_224", 20, img_size=24)
    save_file(model.state_dict(), OUT / "timm_resize.safetensors")
    write_json(OUT / "timm_resize.config.json", {"num_heads": 2})
    for size in (16, 36):
        other = timm.create_model("deit3_small_patch16_224", **{**SMALL, "img_size": size}).eval()
        grid = [size // 4, size // 4]
        positions = resample_abs_pos_embed(model.pos_embed, grid, num_prefix_tokens=0)
        other.load_state_dict({**model.state_dict(), "pos_embed": positions})
        write_golden(f"timm_resize_{size}", other, other.blocks, size, size)

    # Half precision: PyTorch computes in f32 from the rounded values.
    for name, dtype in (("timm_bf16", torch.bfloat16), ("timm_f16", torch.float16)):
        model = timm_model("vit_small_patch16_224", 21)
        halved = {k: v.to(dtype) for k, v in model.state_dict().items()}
        save_file(halved, OUT / f"{name}.safetensors")
        model.load_state_dict({k: v.float() for k, v in halved.items()})
        write_golden(name, model, model.blocks)

    # As published for DeiT: nested dictionaries.
    model = timm_model("deit_tiny_patch16_224", 22)
    torch.save({"model": model.state_dict()}, OUT / "timm_deit.pth")
    write_golden("timm_deit", model, model.blocks)

    # As timm's train.py saves it from several GPUs: two state dicts, "module." before every name.
    model, average = timm_model("vit_tiny_patch16_224", 23), timm_model("vit_tiny_patch16_224", 24)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    torch.save({"epoch": 7, "arch": "vit_tiny_patch16_224", "version": 2, "metric": 81.25,
                "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()},
                "optimizer": optimizer.state_dict(),
                "state_dict_ema": {f"module.{k}": v for k, v in average.state_dict().items()}},
               OUT / "timm_train.pth.tar")  # fmt: skip
    write_golden("timm_train", model, model.blocks)
    write_golden("timm_train_ema", average, average.blocks)


# --- Hugging Face ----------------------------------------------------------------------------------


def hf_model(kind, seed, labels=None, embedding=0.5, **changes):
    config = getattr(transformers, f"{kind}Config")(**{**HF, **changes})
    config.id2label = labels or {i: f"LABEL_{i}" for i in range(5)}
    config.label2id = {v: k for k, v in config.id2label.items()}
    heads = "WithTeacher" if kind == "DeiT" else ""
    return randomise(getattr(transformers, f"{kind}ForImageClassification{heads}")(config), seed, embedding)


def hf_hub(name, kind, seed, extra=None, dtype=torch.float32, shards=False, side=12, **changes):
    """A folder as on the hub. transformers saves with the names of the files there
    (encoder.layer.0.attention.attention.query), not those of its present modules."""
    model = hf_model(kind, seed, **changes)
    if dtype != torch.float32:
        rounded = {k: v.to(dtype).float() for k, v in model.state_dict().items()}
        model.load_state_dict(rounded)
    model.save_pretrained(OUT / name, max_shard_size="8KB" if shards else "1GB")
    body = model.base_model
    if extra or dtype != torch.float32 or kind == "ViTMSN":
        tensors = {**load_file(OUT / name / "model.safetensors"), **(extra or {})}
        # transformers 5.23 drops the "vit." of a ViTMSN's blocks; the files on the hub have it.
        tensors = {f"vit.{k}" if k.startswith("encoder.") else k: v for k, v in tensors.items()}
        save_file({k: v.to(dtype) for k, v in tensors.items()}, OUT / name / "model.safetensors",
                  metadata={"format": "pt"})  # fmt: skip
    assert shards or any(".encoder.layer.1.attention.attention.query" in k
                         for k in load_file(OUT / name / "model.safetensors"))  # fmt: skip
    write_golden(name, model, body.layers if hasattr(body, "layers") else body.encoder.layer, side, side)


def hf_cases():
    torch.manual_seed(0)
    pooler = {"vit.pooler.dense.weight": torch.randn(16, 16), "vit.pooler.dense.bias": torch.randn(16)}
    hf_hub("hf_vit_pooler_f16", "ViT", 30, extra=pooler, dtype=torch.float16)

    hf_hub("hf_vit_labels", "ViT", 31, labels=ANIMALS)
    write_json(OUT / "hf_vit_labels/preprocessor_config.json",
               {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.4, 0.3],
                "image_processor_type": "ViTImageProcessor", "image_std": [0.25, 0.5, 0.75], "resample": 2,
                "rescale_factor": 0.00392156862745098, "size": {"height": 12, "width": 12}})  # fmt: skip

    hf_hub("hf_deit_teacher", "DeiT", 32)
    hf_hub("hf_vit_sharded", "ViT", 33, shards=True, hidden_act="gelu_new")
    hf_hub("hf_vit_msn", "ViTMSN", 34, qkv_bias=False, embedding=0.003)
    hf_hub("hf_dinov2", "Dinov2", 35, mlp_ratio=2)
    hf_hub("hf_dinov2_registers", "Dinov2WithRegisters", 36, mlp_ratio=2, num_register_tokens=3)

    # DINOv2's positions are for 518 pixels, but its processor crops to 224: transformers resizes the positions.
    for name, kind in (("hf_dinov2_crop", "Dinov2"), ("hf_dinov2_registers_crop", "Dinov2WithRegisters")):
        hf_hub(name, kind, 38, side=12, image_size=28, mlp_ratio=2)
        write_json(OUT / name / "preprocessor_config.json",
                   {"crop_size": {"height": 12, "width": 12}, "do_center_crop": True, "do_normalize": True,
                    "do_resize": True, "image_mean": [0.485, 0.456, 0.406],
                    "image_processor_type": "BitImageProcessor", "image_std": [0.229, 0.224, 0.225],
                    "resample": 3, "size": {"shortest_edge": 14}})  # fmt: skip

    hf_hub("hf_vit_bin", "ViT", 37, hidden_act="quick_gelu")
    weights = OUT / "hf_vit_bin/model.safetensors"
    torch.save(load_file(weights), OUT / "hf_vit_bin/pytorch_model.bin")
    weights.unlink()


# --- DINOv2's own files, torchvision, Google ---------------------------------------------------------------------------


class LinearHead(torch.nn.Module):
    """DINOv2's classifier on the last layer: class token and average of the patches, concatenated."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone, self.linear = backbone, torch.nn.Linear(2 * backbone.embed_dim, 5)

    def forward(self, x):
        x = self.backbone.forward_features(x)
        return self.linear(torch.cat([x[:, 0], x[:, self.backbone.num_prefix_tokens :].mean(1)], 1))


def dinov2_own_case():
    """The backbone's file and its head's, named as on DINOv2's page; the registers have no positions."""
    backbone = timm.create_model("vit_small_patch14_reg4_dinov2", **{**SMALL, "num_classes": 0},
                                 no_embed_class=False)  # fmt: skip
    model = randomise(LinearHead(backbone), 60)
    with torch.no_grad():
        backbone.pos_embed[:, 1:5] = 0
    state = backbone.state_dict()
    positions = state["pos_embed"]
    state["pos_embed"] = torch.cat([positions[:, :1], positions[:, 5:]], 1)
    state["register_tokens"] = state.pop("reg_token")
    state["mask_token"] = torch.randn(1, 16)
    torch.save(state, OUT / "dinov2_own_pretrain.pth")
    torch.save(model.linear.state_dict(), OUT / "dinov2_own_linear_head.pth")
    write_golden("dinov2_own", model, backbone.blocks)


def torchvision_case():
    model = TorchvisionViT(image_size=12, patch_size=4, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=24,
                           num_classes=5)  # fmt: skip
    randomise(model, 40, embedding=0.5)
    # The published files are older than MLPBlock's second version: linear_1 and linear_2, not 0 and 3.
    old = {k.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): v
           for k, v in model.state_dict().items()}  # fmt: skip
    assert any("linear_2" in k for k in old)
    torch.save(old, OUT / "torchvision_linear.pth")
    write_golden("torchvision_linear", model, model.encoder.layers)


def google_arrays(model, big_vision):
    """The inverse of timm's _load_weights, through which the golden values are computed."""
    mha, mlp, norm2 = (0, 0, 1) if big_vision else (1, 3, 2)
    state = {k: v.numpy() for k, v in model.state_dict().items()}
    dim, heads = model.embed_dim, model.blocks[0].attn.num_heads
    position = "pos_embedding" if big_vision else "Transformer/posembed_input/pos_embedding"
    out = {
        "cls": state["cls_token"],
        position: state["pos_embed"],
        "embedding/kernel": state["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": state["patch_embed.proj.bias"],
        "Transformer/encoder_norm/scale": state["norm.weight"],
        "Transformer/encoder_norm/bias": state["norm.bias"],
        "head/kernel": state["head.weight"].T,
        "head/bias": state["head.bias"],
    }
    for i in range(len(model.blocks)):
        block, ours = f"Transformer/encoderblock_{i}/", f"blocks.{i}."
        for name, layer in (("LayerNorm_0", "norm1"), (f"LayerNorm_{norm2}", "norm2")):
            out[f"{block}{name}/scale"] = state[f"{ours}{layer}.weight"]
            out[f"{block}{name}/bias"] = state[f"{ours}{layer}.bias"]
        attention = f"{block}MultiHeadDotProductAttention_{mha}/"
        weights = np.split(state[f"{ours}attn.qkv.weight"], 3)
        biases = np.split(state[f"{ours}attn.qkv.bias"], 3)
        for name, weight, bias in zip(("query", "key", "value"), weights, biases):
            out[f"{attention}{name}/kernel"] = weight.T.reshape(dim, heads, dim // heads)
            out[f"{attention}{name}/bias"] = bias.reshape(heads, dim // heads)
        out[f"{attention}out/kernel"] = state[f"{ours}attn.proj.weight"].T.reshape(heads, dim // heads, dim)
        out[f"{attention}out/bias"] = state[f"{ours}attn.proj.bias"]
        for r in (0, 1):
            out[f"{block}MlpBlock_{mlp}/Dense_{r}/kernel"] = state[f"{ours}mlp.fc{r + 1}.weight"].T
            out[f"{block}MlpBlock_{mlp}/Dense_{r}/bias"] = state[f"{ours}mlp.fc{r + 1}.bias"]
    return {k: np.ascontiguousarray(v) for k, v in out.items()}


def google_cases():
    for name, prefix, big_vision, save, seed in (
        ("google_augreg", "", False, np.savez, 50),
        ("google_compressed", "opt/target/", False, np.savez_compressed, 51),
        ("google_big_vision", "params/", True, np.savez, 52),
    ):
        model = timm_model("vit_small_patch16_224", seed)
        arrays = google_arrays(model, big_vision)
        save(OUT / f"{name}.npz", **{prefix + k: v for k, v in arrays.items()})
        loaded = timm.create_model("vit_small_patch16_224", **SMALL).eval()
        loaded.load_pretrained(str(OUT / f"{name}.npz"))
        assert all(torch.equal(v, model.state_dict()[k]) for k, v in loaded.state_dict().items())
        write_golden(name, loaded, loaded.blocks)


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    timm_hub_cases()
    timm_file_cases()
    hf_cases()
    dinov2_own_case()
    torchvision_case()
    google_cases()
    for file in OUT.rglob("*.safetensors"):  # safetensors makes them readable for the owner only
        file.chmod(0o644)
    files = [f for f in OUT.rglob("*") if f.is_file()]
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.2f} MB")
