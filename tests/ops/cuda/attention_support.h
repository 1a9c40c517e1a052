#pragma once
// Shared by the tests of the attention kernels: GPU detection, values of the three types, and the
// result in double precision.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "ops/cuda/device/error.h"
#include "ops/cuda/device/queue.h"

namespace quantring::test {

using cuda::check;

inline bool gpu_present() {
  int count = 0;
  const bool present = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!present) std::puts("SKIPPED: no GPU");
  return present;
}

inline cuda::Queue make_queue() {
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

// Values of one of the three types, on the host as they are after rounding.
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
inline double rounding(DType dtype) {
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

// One row of the result, with a tolerance for each element.
struct ReferenceRow {
  std::vector<double> value, tolerance;
};

inline ReferenceRow compute_row(const Case& c, const Values& qkv, std::int64_t image,
                                std::int64_t head, std::int64_t row) {
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
  // Scores are summed in float, in the kernel's order, and by tensor cores with
  // truncation; the error of a score is the relative error of its weight.
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

// Cached rows of the last case.
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

}  // namespace quantring::test
