#!/usr/bin/env python3
"""Position embeddings resampled by torch -> fixtures/config/position.txt.

timm.layers.resample_abs_pos_embed calls torch.nn.functional.interpolate(mode="bicubic",
antialias=True), transformers' DINOv2 the same without antialiasing, DINOv2's own code with a
scale factor that is a little larger; here in double. The test computes the inputs with the same formula, so
only the results are stored. A case: "from_height from_width to_height to_width dim how", then the
values.

Run: python3 tests/weights/make_position_fixture.py > tests/weights/fixtures/config/position.txt
Made with torch 2.15.
"""
import torch

CASES = [(4, 4, 7, 7, 2), (7, 7, 4, 4, 2), (14, 14, 24, 24, 1), (16, 16, 5, 5, 2), (3, 5, 6, 4, 3),
         (6, 4, 6, 9, 2), (9, 3, 2, 3, 1), (1, 1, 3, 2, 2), (5, 5, 1, 1, 2), (37, 37, 16, 16, 1),
         (4, 6, 4, 6, 2)]

for how in ("antialiased", "plain", "dinov2"):
    for fh, fw, th, tw, dim in CASES:
        state, values = 12345, []
        for _ in range(fh * fw * dim):
            state = (state * 1664525 + 1013904223) % 2**32
            values.append((state >> 8) / 2**23 - 1)
        grid = torch.tensor(values, dtype=torch.float64).reshape(1, fh, fw, dim).permute(0, 3, 1, 2)
        to = {"size": (th, tw)}
        if how == "dinov2":
            if (fh, fw) == (th, tw):
                continue  # not resampled there
            to = {"scale_factor": ((th + 0.1) / fh, (tw + 0.1) / fw)}
        out = torch.nn.functional.interpolate(grid, **to, mode="bicubic", antialias=how == "antialiased",
                                              align_corners=False)  # fmt: skip
        assert out.shape[2:] == (th, tw)
        print(fh, fw, th, tw, dim, how)
        print(" ".join(f"{v:.9g}" for v in out.permute(0, 2, 3, 1).flatten().tolist()))
