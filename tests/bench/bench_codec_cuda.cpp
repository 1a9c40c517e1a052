// The codecs on a GPU: microseconds of an encode and a decode inside a CUDA graph, as they run in a
// stage, and bytes read and written a second beside a copy of the source. f16, ViT-Base's residual
// stream. Then klt beside ptq and a stage of 4 blocks (gpu/klt_bench.h).
// usage: bench_codec_cuda [--plans | --klt]

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "ops/coding/bit_packing.h"
#include "ops/cuda/coding/coding.h"
#include "ops/cuda/coding/quantize.h"
#include "ops/cuda/device/error.h"
#include "ops/half.h"
#include "tests/bench/gpu/klt_bench.h"

namespace {

using namespace quantring;
using cuda::check;

constexpr std::int64_t tokens = 197, dim = 768, each = tokens * dim;
constexpr int repeats = 40;  // in one graph

struct Bench {
  cuda::Queue queue;
  std::int64_t images;
  std::size_t value_bytes;
  int buffers;  // together larger than the second-level cache, or 1: as a stage leaves its result
  std::byte *values, *back, *form, *scratch;
};

std::byte* device(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return static_cast<std::byte*>(memory);
}

}  // namespace

double measure(const cuda::Queue& queue, const std::function<void(int)>& work) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  check(cudaStreamBeginCapture(queue.stream, cudaStreamCaptureModeThreadLocal), "capture");
  bool failed = false;
  try {
    for (int i = 0; i < repeats; ++i) work(i);
  } catch (const Error& error) {
    failed = true;
  }
  const cudaError_t ended = cudaStreamEndCapture(queue.stream, &graph);
  if (failed || ended != cudaSuccess || cudaGraphInstantiate(&ready, graph, 0) != cudaSuccess) {
    cudaGetLastError();
    return -1;
  }
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<double> times;
  for (int run = 0; run < 12; ++run) {
    check(cudaEventRecord(begin, queue.stream), "event");
    if (cudaGraphLaunch(ready, queue.stream) != cudaSuccess) {
      cudaGetLastError();
      return -1;
    }
    check(cudaEventRecord(end, queue.stream), "event");
    check(cudaEventSynchronize(end), "the graph");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end), "event");
    if (run > 1) times.push_back(1000.0 * ms / repeats);
  }
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

namespace {

Bench make_bench(const cuda::Queue& queue, std::int64_t images, bool cold) {
  Bench b{queue, images, static_cast<std::size_t>(images * each) * 2, 1, {}, {}, {}, {}};
  if (cold) b.buffers = static_cast<int>(std::max<std::size_t>(2, 120'000'000 / b.value_bytes));
  b.buffers = std::min(b.buffers, repeats);
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<std::uint16_t> halves(b.value_bytes / 2);
  for (std::size_t i = 0; i < halves.size(); ++i)
    halves[i] = float_to_half(normal(random) * (i % 400 == 7 ? 30.0F : 1.0F));
  const auto count = static_cast<std::size_t>(b.buffers);
  b.values = device(b.value_bytes * count);
  b.back = device(b.value_bytes * count);
  b.form = device((b.value_bytes + 8 * static_cast<std::size_t>(images)) * count);
  b.scratch = device(cuda::quantize_scratch_bytes(queue, images, each));
  for (std::size_t i = 0; i < count; ++i)
    check(cudaMemcpy(b.values + i * b.value_bytes, halves.data(), b.value_bytes,
                     cudaMemcpyHostToDevice),
          "cudaMemcpy");
  return b;
}

void drop(const Bench& b) {
  for (std::byte* memory : {b.values, b.back, b.form, b.scratch}) cudaFree(memory);
}

ConstTensor source(const Bench& b, int i) {
  return {b.values + static_cast<std::size_t>(i % b.buffers) * b.value_bytes,
          DType::f16,
          {b.images, tokens, dim}};
}
Tensor target(const Bench& b, int i) {
  return {b.back + static_cast<std::size_t>(i % b.buffers) * b.value_bytes,
          DType::f16,
          {b.images, tokens, dim}};
}
std::byte* form(const Bench& b, int i) {
  return b.form + static_cast<std::size_t>(i % b.buffers) *
                      (b.value_bytes + 8 * static_cast<std::size_t>(b.images));
}

void encode(const Bench& b, int i, Clip clip, int bits, const cuda::QuantizePlan* plan) {
  auto* const ranges = reinterpret_cast<GridRange*>(form(b, i));
  std::byte* const codes = form(b, i) + 8 * b.images;
  const cuda::QuantizePlan used =
      plan != nullptr ? *plan : cuda::plan_quantize(b.queue, source(b, i));
  cuda::quantize_by(used, b.queue, source(b, i), clip, bits, b.scratch, ranges, codes);
}
void decode(const Bench& b, int i, int bits) {
  const auto* const ranges = reinterpret_cast<const GridRange*>(form(b, i));
  cuda::dequantize(b.queue, ranges, form(b, i) + 8 * b.images, bits, target(b, i));
}

void table(const cuda::Queue& queue, std::int64_t images, bool cold) {
  const Bench b = make_bench(queue, images, cold);
  const auto rate = [](double bytes, double us) { return bytes / us / 1000; };
  const double full = static_cast<double>(b.value_bytes);
  const double memcpy_us = measure(queue, [&](int i) {
    cudaMemcpyAsync(target(b, i).data, source(b, i).data, b.value_bytes, cudaMemcpyDeviceToDevice,
                    queue.stream);
  });
  const double copy_us =
      measure(queue, [&](int i) { cuda::convert(queue, source(b, i), target(b, i)); });
  std::printf(
      "[%lld, 197, 768] f16, %s: cudaMemcpy %.2f us %.0f GB/s, copy kernel %.2f us %.0f GB/s\n",
      static_cast<long long>(images), cold ? "from memory" : "from the L2", memcpy_us,
      rate(2 * full, memcpy_us), copy_us, rate(2 * full, copy_us));
  const std::pair<const char*, Clip> clips[] = {{"ptq", Clip::none},
                                                {"aciq", Clip::aciq},
                                                {"ds-aciq", Clip::ds_aciq},
                                                {"ds-aciq+", Clip::ds_aciq_plus}};
  for (const auto& named : clips) {
    const Clip clip = named.second;
    for (const int bits : {2, 3, 4, 6, 8, 16}) {
      const double bytes =
          full + static_cast<double>(images) * static_cast<double>(packed_bytes(each, bits) + 8);
      const double in = measure(queue, [&](int i) { encode(b, i, clip, bits, nullptr); });
      const double out = measure(queue, [&](int i) { decode(b, i, bits); });
      const double both = measure(queue, [&](int i) {
        encode(b, i, clip, bits, nullptr);
        decode(b, i, bits);
      });
      std::printf(
          "  %-8s %2d  encode %7.2f us %5.0f GB/s  decode %7.2f us %5.0f GB/s  both %7.2f us\n",
          named.first, bits, in, rate(bytes, in), out, rate(bytes, out), both);
    }
  }
  drop(b);
}

// Every method to share the work, for choosing plan_quantize.
void plans(const cuda::Queue& queue, std::int64_t images) {
  const Bench b = make_bench(queue, images, false);
  std::printf("[%lld, 197, 768], 4 bits: us of ptq, aciq, ds-aciq, ds-aciq+\n",
              static_cast<long long>(images));
  using Method = cuda::QuantizePlan::Method;
  const std::pair<Method, const char*> ways[] = {{Method::held, "held"},
                                                 {Method::kernels, "kernels"}};
  for (const auto& [method, name] : ways) {
    for (const int threads : {256, 480, 512, 640, 1024}) {
      std::printf("  %-7s %4d threads:", name, threads);
      for (const int blocks : {1, 2, 4, 8, 16}) {
        const cuda::QuantizePlan plan{method, blocks, threads};
        if (method == Method::held && !cuda::held_fits(plan, source(b, 0))) continue;
        std::printf("  %2d:", blocks);
        for (const Clip clip : {Clip::none, Clip::aciq, Clip::ds_aciq, Clip::ds_aciq_plus})
          std::printf(" %6.2f", measure(queue, [&](int i) { encode(b, i, clip, 4, &plan); }));
      }
      std::printf("\n");
    }
  }
  drop(b);
}

}  // namespace

int main(int argc, char** argv) {
  cuda::Queue queue;
  cudaDeviceProp facts{};
  if (cudaGetDeviceProperties(&facts, 0) != cudaSuccess) {
    std::printf("SKIPPED: no GPU\n");
    return 0;
  }
  queue.multiprocessors = facts.multiProcessorCount;
  queue.compute_capability = facts.major * 10 + facts.minor;
  queue.shared_bytes_per_block = static_cast<int>(facts.sharedMemPerBlockOptin);
  try {
    check(cudaStreamCreateWithFlags(&queue.stream, cudaStreamNonBlocking), "a stream");
    std::printf("%s, %d multiprocessors\n", facts.name, facts.multiProcessorCount);
    if (argc > 1 && std::strcmp(argv[1], "--plans") == 0) {
      for (const std::int64_t images : {1, 8, 32, 128}) plans(queue, images);
      return 0;
    }
    if (argc > 1 && std::strcmp(argv[1], "--klt") == 0) {
      klt_bench(queue);
      return 0;
    }
    table(queue, 8, false);
    table(queue, 8, true);
    table(queue, 128, true);
    klt_bench(queue);
  } catch (const Error& error) {
    std::fprintf(stderr, "bench_codec_cuda: %s\n", error.what());
    return 1;
  }
}
