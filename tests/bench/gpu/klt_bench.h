#pragma once
// Codec klt on a GPU beside ptq 8 and a stage of 4 blocks.

#include <functional>

#include "ops/cuda/device/queue.h"

// Median microseconds of one call of `work(i)` in a graph of many; below 0: it cannot run.
double measure(const quantring::cuda::Queue& queue, const std::function<void(int)>& work);

// For DeiT-Tiny and ViT-Base, f16, with made-up tables and values of their statistics, of 1, 8 and
// 32 images: microseconds of each step of klt 1, of its encode and decode together as a share of
// the stage's 4 blocks, and images a second through a stage that takes and gives ptq 8 or klt 1,
// as a node does where links are without limit.
void klt_bench(const quantring::cuda::Queue& queue);
