"""PyTorch's side of the comparison: timm's Vision Transformers in float16 with random weights, run
in each variant that a user would try, and the timing that both sides use."""

import statistics
import time

import timm
import torch

MODELS = {
    "vit_tiny": "vit_tiny_patch16_224",
    "vit_base": "vit_base_patch16_224",
    "vit_large": "vit_large_patch16_224",
}
BATCHES = (1, 8, 32, 128)
ATTENTION = ("flash", "cudnn")


torch.backends.cudnn.benchmark = True  # the fastest convolution for the patches


def choose_attention(kind):
    """Lets scaled_dot_product_attention use this kernel only."""
    torch.backends.cuda.enable_flash_sdp(kind == "flash")
    torch.backends.cuda.enable_cudnn_sdp(kind == "cudnn")
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_math_sdp(False)


def make_model(name):
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = timm.create_model(MODELS[name])
    return model.eval().half()


def make_pixels(batch):
    return torch.randn(batch, 3, 224, 224, device="cuda", dtype=torch.float16)


def capture(function):
    """The function's kernels as a CUDA graph; returns its replay. Warmed up on a side stream."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kept = function()  # its memory belongs to the graph
    graph.kept = kept, function  # and its input, which the next capture would free otherwise
    return graph.replay


def forward(model, batch):
    pixels = make_pixels(batch)
    return capture(lambda: model(pixels))


def median_ms(replay, min_replays=50, seconds=0.25, chunks=5):
    """Milliseconds of a replay: wall clock around back-to-back replays and one wait, the median of
    `chunks` such rounds with at least `min_replays` replays in all, as in bench_stage.cpp."""
    for _ in range(3):
        replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(5):
        replay()
    torch.cuda.synchronize()
    once = (time.perf_counter() - start) / 5
    count = max(-(-min_replays // chunks), int(seconds / chunks / once))
    times = []
    for _ in range(chunks):
        start = time.perf_counter()
        for _ in range(count):
            replay()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / count)
    return 1e3 * statistics.median(times)
