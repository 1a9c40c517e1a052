// qk_norm on the GPU against the formula in double precision.

#include <doctest/doctest.h>

#include "attention_support.h"
#include "ops/cuda/attention/attention.h"
#include "ops/cuda/device/memory.h"

using namespace quantring;
using namespace quantring::test;

namespace {
constexpr DType types[] = {DType::f16, DType::bf16, DType::f32};
}

TEST_CASE("qk_norm on the GPU") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  constexpr float eps = 1e-5f;
  for (const DType dtype : types) {
    for (const std::int64_t rows : {1, 3, 197}) {
      for (const std::int64_t d : {1, 6, 32, 64, 100}) {
        for (const float offset : {0.0f, 30.0f}) {
          const std::int64_t heads = 3, dim = heads * d;
          INFO(dtype_name(dtype), ", ", rows, " rows, heads of ", d, ", offset ", offset);
          std::mt19937 generator(7);
          std::uniform_real_distribution<float> uniform(-2, 2);
          std::vector<float> source(static_cast<std::size_t>(rows * 3 * dim));
          for (float& value : source) value = offset + uniform(generator);
          std::vector<float> parameters(static_cast<std::size_t>(4 * d));
          for (float& value : parameters) value = uniform(generator);
          Values qkv(dtype, source);
          cuda::DeviceMemory<> device(qkv.bytes.size());
          cuda::DeviceMemory<float> norms(parameters.size());
          check(
              cudaMemcpy(device.get(), qkv.bytes.data(), qkv.bytes.size(), cudaMemcpyHostToDevice),
              "copy");
          check(cudaMemcpy(norms.get(), parameters.data(), parameters.size() * 4,
                           cudaMemcpyHostToDevice),
                "copy");
          const float* const n = norms.get();
          cuda::qk_norm(queue, device.get(), dtype, rows, dim, heads, {n, n + d},
                        {n + 2 * d, n + 3 * d}, eps);
          Values got(dtype, qkv.numbers.size());
          check(
              cudaMemcpy(got.bytes.data(), device.get(), got.bytes.size(), cudaMemcpyDeviceToHost),
              "copy");
          std::size_t wrong = 0;
          for (std::int64_t vector = 0; vector < rows * 3 * heads; ++vector) {
            const std::int64_t part = vector % (3 * heads) / heads;
            double mean = 0, variance = 0;
            const auto at = [&](std::int64_t i) {
              return static_cast<std::size_t>(vector * d + i);
            };
            for (std::int64_t i = 0; i < d; ++i)
              mean += qkv.numbers[at(i)] / static_cast<double>(d);
            for (std::int64_t i = 0; i < d; ++i) {
              variance += std::pow(qkv.numbers[at(i)] - mean, 2) / static_cast<double>(d);
            }
            for (std::int64_t i = 0; i < d; ++i) {
              double expected = qkv.numbers[at(i)], tolerance = 0;
              if (part < 2) {
                const double deviation = std::sqrt(variance + static_cast<double>(eps));
                const auto p = [&](std::int64_t k) {
                  return static_cast<double>(
                      parameters[static_cast<std::size_t>((2 * part + k) * d + i)]);
                };
                expected = (expected - mean) / deviation * p(0) + p(1);
                // The mean's rounding error counts in units of the deviation.
                tolerance = rounding(dtype) * std::abs(expected) * 1.01 +
                            0x1p-20 * (3 + std::abs(mean) / deviation) * std::abs(p(0)) + 0x1p-22;
              }
              if (!(std::abs(got.read(at(i)) - expected) <= tolerance)) ++wrong;
            }
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}
