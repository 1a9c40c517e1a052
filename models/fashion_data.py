# SPDX-License-Identifier: Apache-2.0
"""Fashion-MNIST for the demo model: reading, splitting, and batched augmentation.

Everything here works on whole tensors, so that the augmentation of a batch is a
few dozen kernels on the GPU and no data-loader process is needed.
"""

import gzip
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

SIZE = 28
CLASSES = 10
# Pixel mean and standard deviation of the training images, pixels scaled to 0..1.
MEAN = 0.2860
STD = 0.3530
VAL_PER_CLASS = 500
SPLIT_SEED = 20240607


def read_idx(path):
    """Reads one IDX file of bytes, gzipped or not, into a numpy array."""
    path = Path(path)
    if not path.exists():
        path = path.with_name(path.name + ".gz")
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    if raw[0] != 0 or raw[1] != 0 or raw[2] != 8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    rank = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    data = np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * rank)
    if data.size != math.prod(shape):
        raise ValueError(f"{path}: {data.size} bytes of data, header says {shape}")
    return data.reshape(shape)


def load(folder, part):
    """part is 'train' or 't10k'. Returns images [N,1,28,28] in 0..1 and labels [N]."""
    folder = Path(folder)
    images = read_idx(folder / f"{part}-images-idx3-ubyte")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte")
    if len(images) != len(labels) or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"{folder}: {part} images and labels do not fit together")
    x = torch.from_numpy(images.astype(np.float32) / np.float32(255)).unsqueeze(1)
    return x, torch.from_numpy(labels.astype(np.int64))


def split(labels):
    """Index tensors (train, validation): a fixed draw of 500 images of each class."""
    rng = np.random.default_rng(SPLIT_SEED)
    held = []
    for c in range(CLASSES):
        held.append(rng.permutation(np.flatnonzero(labels.numpy() == c))[:VAL_PER_CLASS])
    val = np.sort(np.concatenate(held))
    mask = np.ones(len(labels), dtype=bool)
    mask[val] = False
    return torch.from_numpy(np.flatnonzero(mask)), torch.from_numpy(val)


def normalize(x):
    return (x - MEAN) / STD


def _uniform(n, low, high, device):
    return torch.rand(n, device=device) * (high - low) + low


def _boxes(area, aspect):
    """Boolean masks [B,1,28,28] of boxes of the given area share at random places."""
    n, device = len(area), area.device
    h = (SIZE * (area * aspect).sqrt()).clamp(max=SIZE)
    w = (SIZE * (area / aspect).sqrt()).clamp(max=SIZE)
    top = torch.rand(n, device=device) * (SIZE - h)
    left = torch.rand(n, device=device) * (SIZE - w)
    at = torch.arange(SIZE, device=device) + 0.5
    rows = (at >= top[:, None]) & (at < (top + h)[:, None])
    cols = (at >= left[:, None]) & (at < (left + w)[:, None])
    return (rows[:, :, None] & cols[:, None, :]).unsqueeze(1)


def augment(x, r):
    """Flip, shift, affine, contrast and erasing; r is the recipe. Pixels in 0..1.

    One bilinear resampling does flip, shift and affine together. Without the affine
    part the shift is a whole number of pixels, so those images stay sharp.
    """
    n, device = len(x), x.device
    warp = (torch.rand(n, device=device) < r["affine"]).float()
    angle = _uniform(n, -1, 1, device) * math.radians(r["degrees"]) * warp
    scale_x = torch.exp(_uniform(n, -1, 1, device) * r["zoom"] * warp)
    scale_y = torch.exp(_uniform(n, -1, 1, device) * r["zoom"] * warp)
    flip = torch.where(torch.rand(n, device=device) < r["flip"], -1.0, 1.0)
    shift = torch.randint(-r["shift"], r["shift"] + 1, (2, n), device=device) * (2 / SIZE)
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([flip * scale_x * cos, -flip * scale_y * sin, shift[0]], 1),
            torch.stack([scale_x * sin, scale_y * cos, shift[1]], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)
    if r["contrast"] > 0:
        gain = torch.exp(_uniform(n, -1, 1, device) * r["contrast"])
        x = (x * gain[:, None, None, None]).clamp(0, 1)
    if r["erase"] > 0:
        area = _uniform(n, 0.02, r["erase_area"], device)
        area = area * (torch.rand(n, device=device) < r["erase"])
        box = _boxes(area, torch.exp(_uniform(n, -1.2, 1.2, device)))
        x = torch.where(box, torch.rand_like(x), x)
    return x


def mix(x, y, r):
    """Mixup or cutmix by image, with the reversed batch (batches are shuffled).

    y holds label shares [B,10]; the result's shares follow the pixels kept.
    """
    if r["mixup"] + r["cutmix"] <= 0:
        return x, y
    n, device = len(x), x.device
    pick = torch.rand(n, device=device)
    alpha = torch.full((n,), float(r["alpha"]), device=device)
    lam = torch.distributions.Beta(alpha, alpha, validate_args=False).sample()
    lam = torch.where(pick < r["mixup"] + r["cutmix"], lam, torch.ones_like(lam))
    is_cut = (pick >= r["mixup"]) & (pick < r["mixup"] + r["cutmix"])
    box = _boxes((1 - lam).clamp(min=1e-6), torch.ones_like(lam))
    keep = torch.where(is_cut[:, None, None, None], 1.0 - box.float(), lam[:, None, None, None])
    share = keep.expand_as(x).mean((1, 2, 3))[:, None]
    return x * keep + x.flip(0) * (1 - keep), y * share + y.flip(0) * (1 - share)
