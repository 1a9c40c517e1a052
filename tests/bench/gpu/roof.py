"""Peak rates of this GPU, measured: a device copy and a float16 matrix product."""

import torch

from torch_side import capture, median_ms


def copy_gb_per_s():
    """Bytes read and written, of 1 GiB: much more than the caches."""
    source = torch.randint(0, 255, (1 << 30,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.numel() / median_ms(lambda: target.copy_(source), 20) / 1e6


def matmul_tflops(size=8192):
    a, b = (torch.randn(size, size, dtype=torch.float16, device="cuda") for _ in range(2))
    c = torch.empty_like(a)
    return 2 * size**3 / median_ms(capture(lambda: torch.mm(a, b, out=c)), 50) / 1e9


def measure():
    return {"copy_gb_per_s": copy_gb_per_s(), "matmul_tflops": matmul_tflops()}
