#!/usr/bin/env python3
"""Pictures preprocessed by transformers and timm with their configs -> fixtures/config/processors.jsonl.

One line per case: the two configs as texts, the model's image [height, width], the picture (pattern of
tests/engine/codec/patterns.h, width, height) and the result before mean and std: the CRC-32 of the
planar bytes; then mean and std. Margins of the crops are even and odd: for an odd one
transformers rounds half of it down (both of its backends, which is checked here),
torchvision and timm round it to even. No picture is smaller than its crop by an odd number of
pixels: the two backends of transformers differ there.

Run: python3 tests/weights/make_processor_fixture.py > tests/weights/fixtures/config/processors.jsonl
Made with transformers 5.23, timm 1.0.31, Pillow 13.0; pictures that do not shrink much more in
height than in width, where Pillow before 13 gives the same.
"""
import json
import zlib

import numpy as np
from PIL import Image
from timm.data import resolve_data_config
from timm.data.transforms_factory import transforms_imagenet_eval
from transformers.models.bit.image_processing_bit import BitImageProcessor
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

CLASSES = {"ViT": ViTImageProcessorPil, "DeiT": DeiTImageProcessorPil, "Bit": BitImageProcessorPil}


def noise(width, height):
    state, values = 12345, []
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    return Image.fromarray(np.array(values, np.uint8).reshape(height, width, 3))


def check_backends_agree(width, shorter, crop):
    """Both crop alike; a picture with the right shorter side is not resized before."""
    out = [made(size={"shortest_edge": shorter}, crop_size=crop)(
        noise(width, shorter), do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        for made in (BitImageProcessorPil, BitImageProcessor)]
    assert np.array_equal(*out), width


def emit(config, processor, picture, pixels, mean, std):
    pixels = np.ascontiguousarray(pixels)
    assert pixels.dtype == np.uint8, pixels.dtype
    print(json.dumps({
        "config": json.dumps(config), "processor": json.dumps(processor) if processor is not None else "",
        "image": list(pixels.shape[1:]), "picture": list(picture), "crc": zlib.crc32(pixels.tobytes()),
        "mean": list(mean), "std": list(std)}))


def hugging_face(model_type, processor, picture):
    name = processor.get("image_processor_type", processor.get("feature_extractor_type", ""))
    key = next((k for k in ("DeiT", "ViT", "Bit") if name.startswith(k)), None) or \
        {"vit": "ViT", "deit": "DeiT", "dinov2": "Bit"}[model_type]
    made = CLASSES[key](**{k: v for k, v in processor.items() if not k.endswith("_type")})
    out = made(noise(*picture), do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
    normalizes = made.do_normalize
    emit({"model_type": model_type, "image_size": out.shape[1]}, processor, picture, out.astype(np.uint8),
         made.image_mean if normalizes else [0, 0, 0], made.image_std if normalizes else [1, 1, 1])


def timm(config, picture):
    data = resolve_data_config(pretrained_cfg=config["pretrained_cfg"])
    transform = transforms_imagenet_eval(
        img_size=data["input_size"][1:], crop_pct=data["crop_pct"], crop_mode=data["crop_mode"],
        interpolation=data["interpolation"], normalize=False)
    emit(config, None, picture, transform(noise(*picture)).numpy(), data["mean"], data["std"])


hugging_face("vit", {"size": 16, "do_resize": True, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3],
                     "image_std": [0.1, 0.2, 0.3]}, (30, 28))
hugging_face("vit", {"feature_extractor_type": "ViTFeatureExtractor", "size": 24, "resample": 3}, (40, 36))
hugging_face("vit", {"image_processor_type": "ViTImageProcessorFast", "size": {"height": 20, "width": 20},
                     "do_normalize": False}, (31, 30))
hugging_face("vit", {"image_processor_type": "ViTImageProcessor", "size": {"shortest_edge": 20},
                     "do_center_crop": True, "crop_size": 16}, (36, 30))
hugging_face("vit", {"image_processor_type": "ViTImageProcessor", "size": [20, 20], "do_center_crop": True,
                     "crop_size": {"height": 24, "width": 24}}, (36, 30))
hugging_face("deit", {"feature_extractor_type": "DeiTFeatureExtractor", "size": 32, "crop_size": 28,
                      "do_center_crop": True, "resample": 3, "image_mean": [0.485, 0.456, 0.406],
                      "image_std": [0.229, 0.224, 0.225]}, (60, 50))
hugging_face("deit", {"image_processor_type": "DeiTImageProcessor", "size": {"height": 32, "width": 32},
                      "crop_size": {"height": 24, "width": 24}, "resample": 2}, (37, 41))
hugging_face("deit", {}, (250, 240))
hugging_face("dinov2", {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 32},
                        "crop_size": {"height": 28, "width": 28}, "resample": 3}, (48, 40))
hugging_face("dinov2", {"size": 30, "crop_size": 28, "do_convert_rgb": True, "rescale_factor": 1 / 255}, (50, 40))
for width in range(340, 348):  # crops of 224 have all kinds of margins
    check_backends_agree(width, 256, 224)
    hugging_face("dinov2", {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256},
                            "crop_size": {"height": 224, "width": 224}}, (width, 256))
hugging_face("deit", {"size": 31, "crop_size": 24}, (37, 41))


def timm_config(**extra):
    return {"architecture": "vit_tiny_patch16_224", "num_classes": 10, "pretrained_cfg": extra}


timm(timm_config(input_size=[3, 24, 24], crop_pct=0.9, interpolation="bicubic", mean=[0.5, 0.5, 0.5],
                 std=[0.5, 0.5, 0.5]), (44, 38))
timm(timm_config(input_size=[3, 28, 28]), (50, 44))
timm(timm_config(input_size=[3, 24, 24], crop_pct=0.95, crop_mode="center", interpolation="bilinear"), (40, 50))
timm(timm_config(input_size=[3, 24, 24], crop_pct=1.0, crop_mode="squash"), (41, 33))
timm(timm_config(input_size=[3, 24, 24], crop_pct=0.75, crop_mode="squash"), (51, 43))
timm(timm_config(input_size=[3, 18, 24], crop_pct=0.75, crop_mode="squash"), (51, 43))
timm(timm_config(input_size=[3, 24, 24], crop_pct=0.77, crop_mode="squash"), (51, 43))
for width in range(340, 348):
    timm(timm_config(input_size=[3, 224, 224]), (width, 256))
