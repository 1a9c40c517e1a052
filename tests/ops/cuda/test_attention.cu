// The attention kernels against the formula in double precision, each kernel at every shape that it
// takes.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "ops/cuda/attention.h"
#include "ops/cuda/attention_kernels.h"
#include "ops/cuda/error.h"
#include "ops/cuda/memory.h"

using namespace quantring;
using cuda::check;

namespace {

bool gpu_present() {
  int count = 0;
  const bool present = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!present) std::puts("SKIPPED: no GPU");
  return present;
}

cuda::Queue make_queue() {
  cuda::Queue queue;
  int major = 0, minor = 0;
  const auto ask = [](int& value, cudaDeviceAttr what) {
    check(cudaDeviceGetAttribute(&value, what, 0), "cudaDeviceGetAttribute");
  };
  ask(major, cudaDevAttrComputeCapabilityMajor);
  ask(minor, cudaDevAttrComputeCapabilityMinor);
  ask(queue.multiprocessors, cudaDevAttrMultiProcessorCount);
  ask(queue.shared_bytes_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin);
  queue.compute_capability = 10 * major + minor;
  return queue;
}

// Values of one of the three types, on the host as the numbers that they are after rounding.
struct Values {
  DType dtype;
  std::vector<double> numbers;
  std::vector<std::byte> bytes;

  Values(DType type, const std::vector<float>& source)
      : dtype(type), numbers(source.size()), bytes(source.size() * dtype_size(type)) {
    for (std::size_t i = 0; i < source.size(); ++i) set(i, source[i]);
  }
  explicit Values(DType type, std::size_t count)
      : dtype(type), numbers(count), bytes(count * dtype_size(type)) {}
  static std::size_t dtype_size(DType type) { return type == DType::f32 ? 4 : 2; }

  template <class T>
  T& at(std::size_t i) {
    return reinterpret_cast<T*>(bytes.data())[i];
  }
  void set(std::size_t i, float value) {
    if (dtype == DType::f32) {
      at<float>(i) = value;
    } else if (dtype == DType::f16) {
      at<__half>(i) = __float2half_rn(value);
    } else {
      at<__nv_bfloat16>(i) = __float2bfloat16_rn(value);
    }
    numbers[i] = read(i);
  }
  double read(std::size_t i) {
    if (dtype == DType::f32) return static_cast<double>(at<float>(i));
    if (dtype == DType::f16) return static_cast<double>(__half2float(at<__half>(i)));
    return static_cast<double>(__bfloat162float(at<__nv_bfloat16>(i)));
  }
};

// Half of the distance of 1 to the next number.
double rounding(DType dtype) {
  return dtype == DType::f32 ? 0x1p-24 : dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
}

struct Case {
  DType dtype;
  std::int64_t images, tokens, heads, d;
  float scale = 2;  // of the inputs
  // Multiplies one channel of all queries and keys, so that scores become very large.
  float massive = 1;

  AttentionShape shape() const { return {images, tokens, heads * d, heads}; }
  std::string text() const {
    return std::string(dtype_name(dtype)) + ", " + std::to_string(images) + " images, " +
           std::to_string(tokens) + " tokens, " + std::to_string(heads) + " heads of " +
           std::to_string(d) + ", massive " + std::to_string(massive);
  }
  Values make_qkv() const {
    std::mt19937 generator(static_cast<std::uint32_t>(tokens * 131 + heads * 7 + d));
    std::uniform_real_distribution<float> uniform(-scale, scale);
    std::vector<float> values(static_cast<std::size_t>(images * tokens * 3 * heads * d));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto column = static_cast<std::int64_t>(i) % (3 * heads * d);
      values[i] = uniform(generator) * (column < 2 * heads * d && column % d == 1 ? massive : 1);
    }
    return {dtype, values};
  }
};

// One row of the result and, for each element, how far off it may be.
struct ReferenceRow {
  std::vector<double> value, tolerance;
};

ReferenceRow compute_row(const Case& c, const Values& qkv, std::int64_t image, std::int64_t head,
                         std::int64_t row) {
  const std::int64_t dim = c.heads * c.d;
  const auto at = [&](std::int64_t token, std::int64_t part, std::int64_t i) {
    return qkv.numbers[static_cast<std::size_t>((image * c.tokens + token) * 3 * dim + part * dim +
                                                head * c.d + i)];
  };
  std::vector<double> weights(static_cast<std::size_t>(c.tokens));
  double top = -HUGE_VAL, sum = 0, largest = 0;
  for (std::int64_t key = 0; key < c.tokens; ++key) {
    double score = 0, magnitude = 0;
    for (std::int64_t i = 0; i < c.d; ++i) {
      const double product = at(row, 0, i) * at(key, 1, i);
      score += product;
      magnitude += std::abs(product);
    }
    const double scale = 1 / std::sqrt(static_cast<double>(c.d));
    weights[static_cast<std::size_t>(key)] = score * scale;
    top = std::max(top, score * scale);
    largest = std::max(largest, magnitude * scale);
  }
  for (double& weight : weights) sum += weight = std::exp(weight - top);
  // Scores are summed in float, in an order of the kernel's own, and by tensor cores with
  // truncation; an error of a score is a relative one of its weight.
  const double of_scores = 4 * largest * 0x1p-22 + 0x1p-20;
  const bool half_weights = c.dtype != DType::f32;
  ReferenceRow result;
  for (std::int64_t i = 0; i < c.d; ++i) {
    double value = 0, magnitude = 0, plain = 0;
    for (std::int64_t key = 0; key < c.tokens; ++key) {
      const double weight = weights[static_cast<std::size_t>(key)] / sum, v = at(key, 2, i);
      value += weight * v;
      magnitude += weight * std::abs(v);
      plain += std::abs(v);
    }
    result.value.push_back(value);
    const double eps = rounding(c.dtype);
    double tolerance = magnitude * of_scores + std::abs(value) * eps * 1.01;
    if (half_weights) tolerance += magnitude * eps;
    if (c.dtype == DType::f16) tolerance += 0x1p-25 * plain;  // weights below f16's normal range
    result.tolerance.push_back(tolerance);
  }
  return result;
}

// Rows that were asked for before, of the case that was last.
class Reference {
 public:
  const ReferenceRow& row(const Case& c, const Values& qkv, std::int64_t image, std::int64_t head,
                          std::int64_t row) {
    if (c.text() != case_) rows_.clear();
    case_ = c.text();
    const auto [found, added] = rows_.try_emplace({image, head, row});
    if (added) found->second = compute_row(c, qkv, image, head, row);
    return found->second;
  }

 private:
  std::string case_;
  std::map<std::array<std::int64_t, 3>, ReferenceRow> rows_;
};

using Runner = void (*)(const cuda::Queue&, const void*, const Case&, void*);

void check_case(const cuda::Queue& queue, const Case& c, const char* name, Runner run) {
  INFO(name, ": ", c.text());
  const Values qkv = c.make_qkv();
  const std::size_t count = qkv.numbers.size() / 3, guard = 256;
  cuda::DeviceMemory<> in(qkv.bytes.size()), out(count * Values::dtype_size(c.dtype) + guard);
  check(cudaMemcpy(in.get(), qkv.bytes.data(), qkv.bytes.size(), cudaMemcpyHostToDevice), "copy");
  check(cudaMemset(out.get(), 0xff, out.count()), "cudaMemset");  // NaN in each of the types
  run(queue, in.get(), c, out.get());
  check(cudaDeviceSynchronize(), "the kernel");
  Values got(c.dtype, count);
  std::vector<std::byte> behind(guard);
  check(cudaMemcpy(got.bytes.data(), out.get(), got.bytes.size(), cudaMemcpyDeviceToHost), "copy");
  check(cudaMemcpy(behind.data(), out.get() + got.bytes.size(), guard, cudaMemcpyDeviceToHost),
        "copy");
  CHECK(std::all_of(behind.begin(), behind.end(), [](std::byte b) { return b == std::byte{255}; }));

  const std::int64_t dim = c.heads * c.d;
  std::size_t not_finite = 0, first_not_finite = 0;
  for (std::size_t i = count; i-- > 0;) {
    if (!std::isfinite(got.read(i))) ++not_finite, first_not_finite = i;
  }
  INFO(not_finite, " of ", count, " not finite, the first ", first_not_finite);
  CHECK(not_finite == 0);

  static Reference reference;
  std::size_t wrong = 0;
  double worst = 0;
  std::string first;
  for (std::int64_t image = 0; image<c.images; image += c.images> 8 ? 7 : 1) {
    for (std::int64_t head = 0; head < c.heads; ++head) {
      // Of long sequences every 23rd query, and the last.
      for (std::int64_t row = 0; row<c.tokens; row += c.tokens> 64 ? 23 : 1) {
        if (row + 23 >= c.tokens && c.tokens > 64) row = c.tokens - 1;
        const ReferenceRow& expected = reference.row(c, qkv, image, head, row);
        for (std::int64_t i = 0; i < c.d; ++i) {
          const auto column = static_cast<std::size_t>(i);
          const auto where =
              static_cast<std::size_t>((image * c.tokens + row) * dim + head * c.d + i);
          const double value = got.read(where);
          const double ratio =
              std::abs(value - expected.value[column]) / expected.tolerance[column];
          worst = std::max(worst, ratio);
          if (!(ratio <= 1)) {
            if (++wrong <= 6) {
              first += " [image " + std::to_string(image) + " head " + std::to_string(head) +
                       " row " + std::to_string(row) + " column " + std::to_string(i) + ": " +
                       std::to_string(value) + " for " + std::to_string(expected.value[column]) +
                       " +- " + std::to_string(expected.tolerance[column]) + "]";
            }
          }
        }
      }
    }
  }
  INFO(wrong, " wrong, worst ", worst, " tolerances;", first);
  CHECK(wrong == 0);
}

void check_all_kernels(const cuda::Queue& queue, const Case& c) {
  check_case(queue, c, "attention",
             [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
               cuda::attention(q, in, k.dtype, k.shape(), nullptr, out);
             });
  if (cuda::attn::whole_fits(queue, c.shape(), c.dtype)) {
    check_case(queue, c, "whole",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::whole(q, in, k.dtype, k.shape(), 1, out);
               });
    check_case(queue, c, "whole, 3 parts",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::whole(q, in, k.dtype, k.shape(), 3, out);
               });
  }
  if (cuda::attn::hopper_fits(queue, c.shape(), c.dtype)) {
    check_case(queue, c, "hopper",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::hopper(q, in, k.dtype, k.shape(), out);
               });
  }
  if (cuda::attn::stream_fits(c.shape(), c.dtype)) {
    check_case(queue, c, "stream",
               [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
                 cuda::attn::stream(q, in, k.dtype, k.shape(), out);
               });
  }
  check_case(queue, c, "plain", [](const cuda::Queue& q, const void* in, const Case& k, void* out) {
    cuda::attn::plain(q, in, k.dtype, k.shape(), out);
  });
}

constexpr DType types[] = {DType::f16, DType::bf16, DType::f32};

}  // namespace

TEST_CASE("attention on the GPU: numbers of tokens") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int tokens : {1,   7,   15,  16,  17,  50,  63,  64,  65,  196, 197,
                             198, 208, 209, 256, 257, 261, 272, 273, 577, 785}) {
      check_all_kernels(
          queue,
          {.dtype = dtype, .images = tokens < 100 ? 5 : 2, .tokens = tokens, .heads = 3, .d = 64});
    }
  }
}

TEST_CASE("attention on the GPU: head dimensions") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int d : {1, 8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 136, 200}) {
      for (const int tokens : {3, 50, 197, 257}) {
        check_all_kernels(queue,
                          {.dtype = dtype, .images = 2, .tokens = tokens, .heads = 2, .d = d});
      }
    }
  }
}

TEST_CASE("attention on the GPU: heads and images") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int heads : {1, 2, 5, 12, 16}) {
      for (const int images : {1, 5}) {
        check_all_kernels(
            queue, {.dtype = dtype, .images = images, .tokens = 197, .heads = heads, .d = 64});
      }
    }
  }
}

TEST_CASE("attention on the GPU: more heads than a GPU has multiprocessors") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const int tokens : {50, 197, 300}) {
      check_all_kernels(queue,
                        {.dtype = dtype, .images = 12, .tokens = tokens, .heads = 12, .d = 64});
    }
  }
}

TEST_CASE("attention on the GPU: very large scores") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  for (const DType dtype : types) {
    for (const int tokens : {50, 197, 577}) {
      check_all_kernels(queue, {.dtype = dtype,
                                .images = 1,
                                .tokens = tokens,
                                .heads = 2,
                                .d = 64,
                                .scale = 2,
                                .massive = 100});
    }
  }
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
