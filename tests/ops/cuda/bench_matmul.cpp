// The fastest engine for each product of ViT-Base, and the time for measuring. Arguments: batch
// sizes (default 1 8 32 128). Stores nothing.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/streams.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/matmul/pack.h"

using namespace quantring;
using namespace quantring::cuda;

namespace {

struct Product {
  std::int64_t in, out;
  bool norm, accumulate;
  Activation activation;
  bool per_image;  // rows: one per image, not per token
};

std::unique_ptr<DeviceLinear> random_layer(std::int64_t in, std::int64_t out, bool norm) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> weight(static_cast<std::size_t>(in * out)), bias(std::size_t(out), 0.1f);
  for (float& w : weight) w = normal(random);
  const std::vector<float> gamma(static_cast<std::size_t>(in), 1.0f);
  const ConstTensor ones{gamma.data(), DType::f32, {in}};
  return pack({weight.data(), DType::f32, {out, in}}, {bias.data(), DType::f32, {out}}, {},
              norm ? InputNorm{ones, ones} : InputNorm{}, DType::f16);
}

}  // namespace

int main(int count, char** arguments) try {
  std::vector<std::int64_t> batches{1, 8, 32, 128};
  if (count > 1) batches.clear();
  for (int i = 1; i < count; ++i) batches.push_back(std::atoll(arguments[i]));
  setenv("XDG_CACHE_HOME", "/dev/null", 1);

  const Streams streams(0);
  const Product products[] = {{768, 768, false, false, Activation::none, false},  // the patches
                              {768, 2304, true, false, Activation::none, false},
                              {768, 768, false, true, Activation::none, false},
                              {768, 3072, true, false, Activation::gelu_erf, false},
                              {3072, 768, false, true, Activation::none, false},
                              {768, 1000, false, false, Activation::none, true}};
  for (const DType residual : {DType::f16, DType::f32}) {
    for (const std::int64_t batch : batches) {
      Matmul matmul(streams.ops());
      double seconds = 0;
      for (const Product& p : products) {
        const auto layer = random_layer(p.in, p.out, p.norm);
        const std::int64_t rows = p.per_image ? batch : batch * 197;
        const DeviceMemory<float> x(std::size_t(rows * p.in)), y(std::size_t(rows * p.out));

        const DeviceMemory<std::uint16_t> normed(std::size_t(rows * p.in));
        // As between the blocks of a network: a product writes sums for the next norm.
        const DeviceMemory<float2> sums(std::size_t(rows * max_sum_parts(std::max(p.in, p.out))));
        MatmulCall call;
        call.x = x.get();
        call.x_dtype = p.norm ? residual : DType::f16;
        call.rows = rows;
        call.layer = layer.get();
        call.activation = p.activation;
        call.accumulate = p.accumulate;
        call.y = y.get();
        call.y_dtype = p.accumulate ? residual : p.per_image ? DType::f32 : DType::f16;
        call.norm = p.norm;
        call.normed = normed.get();
        if (residual == DType::f16 && (p.norm || p.accumulate)) call.sums = sums.get();
        if (p.norm && call.sums != nullptr) call.parts = static_cast<int>(p.in / 192);
        const auto start = std::chrono::steady_clock::now();
        matmul.run(call);
        check(cudaStreamSynchronize(streams.ops().stream), "matmul");
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      }
      std::printf("batch %lld, residual %s: measured in %.2f s\n", static_cast<long long>(batch),
                  dtype_name(residual), seconds);
      for (const std::string& line : matmul.report()) std::printf("  %s\n", line.c_str());
      std::fflush(stdout);
    }
  }
} catch (const std::exception& error) {
  std::printf("error: %s\n", error.what());
  return 1;
}
