// Time of one layer's attention for heads as in ViT-Tiny, -Base and -Large, each applicable kernel.
// bench_attention [f16|bf16|f32]

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "ops/cuda/attention/attention.h"
#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/device/error.h"
#include "ops/cuda/device/memory.h"
#include "tests/ops/cuda/graph_time.h"

using namespace quantring;
using cuda::check;

namespace {

constexpr int layers = 12;

}  // namespace

int main(int argc, char** argv) try {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("SKIPPED: no GPU");
    return 0;
  }
  const char* const type = argc > 1 ? argv[1] : "f16";
  const DType dtype = std::strcmp(type, "f32") == 0    ? DType::f32
                      : std::strcmp(type, "bf16") == 0 ? DType::bf16
                                                       : DType::f16;
  const std::size_t size = dtype == DType::f32 ? 4 : 2;
  cuda::Queue queue;
  check(cudaStreamCreateWithFlags(&queue.stream, cudaStreamNonBlocking), "cudaStreamCreate");
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  queue.multiprocessors = properties.multiProcessorCount;
  queue.compute_capability = 10 * properties.major + properties.minor;
  queue.shared_bytes_per_block = static_cast<int>(properties.sharedMemPerBlockOptin);
  std::printf("%s, %s, microseconds a layer (TFLOP/s, GB/s)\n", properties.name, type);

  struct Model {
    const char* name;
    std::int64_t tokens, heads, d;
  };
  for (const Model& model :
       {Model{"Tiny", 197, 3, 64}, Model{"Base", 197, 12, 64}, Model{"Large", 197, 16, 64},
        Model{"Base/32", 50, 12, 64}, Model{"Large/14", 257, 16, 64},
        Model{"Base 384", 577, 12, 64}, Model{"Huge/14", 257, 16, 80}}) {
    for (const std::int64_t images : {1, 8, 32, 128}) {
      if (argc > 3 && std::strcmp(model.name, argv[3]) != 0) continue;
      if (argc > 4 && images != std::atoi(argv[4])) continue;
      const AttentionShape shape{images, model.tokens, model.heads * model.d, model.heads};
      const std::size_t elements = static_cast<std::size_t>(images * model.tokens * shape.dim);
      // No more memory than matters for the cache.
      const int sets =
          std::min(layers, static_cast<int>(1 + (std::size_t{400} << 20) / (elements * 4 * size)));
      cuda::DeviceMemory<> in(elements * 3 * size * static_cast<std::size_t>(sets));
      cuda::DeviceMemory<> out(elements * size * static_cast<std::size_t>(sets));
      {
        // Values in about [-2, 2] of each type: sign, small exponent and random digits.
        std::mt19937 generator(1);
        std::vector<std::uint32_t> words(std::min<std::size_t>(in.count() / 4, 5000011));
        for (std::uint32_t& word : words) {
          const std::uint32_t bits = static_cast<std::uint32_t>(generator());
          word = dtype == DType::f32   ? (bits & 0x807fffffu) | 0x3f800000u
                 : dtype == DType::f16 ? (bits & 0x87ff87ffu) | 0x38003800u
                                       : (bits & 0x80ff80ffu) | 0x3f003f00u;
        }
        for (std::size_t at = 0; at < in.count(); at += words.size() * 4) {
          check(cudaMemcpy(in.get() + at, words.data(), std::min(words.size() * 4, in.count() - at),
                           cudaMemcpyHostToDevice),
                "cudaMemcpy");
        }
      }
      const auto report = [&](const char* name,
                              const std::function<void(const void*, void*)>& run) {
        if (argc > 2 && std::strstr(name, argv[2]) == nullptr) return;
        const double us = test::graph_microseconds(queue, layers, [&](int i) {
          const auto set = static_cast<std::size_t>(i % sets);
          run(in.get() + set * elements * 3 * size, out.get() + set * elements * size);
        });
        const double flop = 4.0 * static_cast<double>(elements) * static_cast<double>(model.tokens);
        std::printf("  %s %.2f (%.0f, %.0f)", name, us, flop / us / 1e6,
                    static_cast<double>(elements * 4 * size) / us / 1e3);
      };
      std::printf("%-9s %3d:", model.name, static_cast<int>(images));
      report("attention",
             [&](const void* x, void* y) { cuda::attention(queue, x, dtype, shape, nullptr, y); });
      if (cuda::attn::whole_fits(queue, shape, dtype)) {
        for (const int parts : {1, 2, 4}) {
          if (parts > (model.tokens + 63) / 64) continue;
          char name[32];
          std::snprintf(name, sizeof name, "| whole/%d", parts);
          report(name, [&](const void* x, void* y) {
            cuda::attn::whole(queue, x, dtype, shape, parts, y);
          });
        }
      }
      if (cuda::attn::hopper_fits(queue, shape, dtype)) {
        report("| hopper",
               [&](const void* x, void* y) { cuda::attn::hopper(queue, x, dtype, shape, y); });
      }
      if (cuda::attn::stream_fits(shape, dtype)) {
        report("| stream",
               [&](const void* x, void* y) { cuda::attn::stream(queue, x, dtype, shape, y); });
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_attention: %s\n", error.what());
  return 1;
}
