// Microseconds and TFLOP/s of the wgmma engine's candidates at the shapes of ViTs, in a graph whose
// launches cycle through more tensors than fit into L2.
//
//   bench_wgmma [rows ...]       default: 1576 6304 25216; 8192 is one product of 8192^3

#include <algorithm>
#include <cstdlib>

#include "tests/ops/cuda/graph_time.h"
#include "tests/ops/cuda/wgmma_support.cuh"

using namespace quantring;
using namespace quantring::test;

namespace {

struct Product {
  std::int64_t in, out;
  Activation activation;
  bool accumulate;
};

// Tensors of one launch.
struct Set {
  cuda::DeviceLinear layer;
  cuda::DeviceMemory<> x, y;
};

constexpr int launches = 20;

void bench(cuda::MatmulEngine& engine, const cuda::Queue& queue, std::int64_t rows,
           const Product& product) {
  const auto [in, out, activation, accumulate] = product;
  const double bytes = 2.0 * static_cast<double>(rows * in + in * out + rows * out);
  std::vector<Set> sets(static_cast<std::size_t>(std::clamp(150e6 / bytes + 1, 1.0, 12.0)));
  std::vector<cuda::MatmulCall> calls;
  unsigned seed = 1;
  for (Set& set : sets) {
    set.layer = random_layer(in, out, DType::f16, true, 1, seed++);
    set.x = random_tensor(rows * in, DType::f16, 1, seed++);
    set.y = random_tensor(rows * out, DType::f16, 1, seed++);
  }
  for (const Set& set : sets) {
    cuda::MatmulCall call;
    call.x = set.x.get();
    call.rows = rows;
    call.layer = &set.layer;
    call.activation = activation;
    call.accumulate = accumulate;
    call.y = set.y.get();
    calls.push_back(call);
  }
  std::printf("%5lld %4lld->%4lld %-8s", static_cast<long long>(rows), static_cast<long long>(in),
              static_cast<long long>(out),
              accumulate                       ? "residual"
              : activation == Activation::none ? "bias"
                                               : "gelu");
  std::vector<std::pair<double, std::string>> timed;
  for (const std::string& name : engine.candidates(calls[0])) {
    const double time = graph_microseconds(queue, launches, [&](int i) {
      engine.run(calls[static_cast<std::size_t>(i) % calls.size()], name);
    });
    timed.emplace_back(time, name);
  }
  const std::string first = timed.front().second;
  std::sort(timed.begin(), timed.end());
  for (const auto& [time, name] : timed) {
    std::printf("  %s%s %.1f us %.0f", name == first ? "*" : "", name.c_str(), time,
                2e-6 * static_cast<double>(rows * in * out) / time);
  }
  std::puts("");
}

}  // namespace

int main(int argc, char** argv) {
  cuda::Queue queue;
  const auto engine = wgmma_engine(queue);
  if (engine == nullptr) return 0;
  std::vector<std::int64_t> all_rows;
  for (int i = 1; i < argc; ++i) all_rows.push_back(std::atoll(argv[i]));
  if (all_rows.empty()) all_rows = {1576, 6304, 25216};
  std::puts("each candidate: us, TFLOP/s; * is the one that is tried first");
  for (const std::int64_t rows : all_rows) {
    if (rows == 8192) {
      bench(*engine, queue, rows, {8192, 8192, Activation::none, false});
      continue;
    }
    for (const std::int64_t d : {768, 1024}) {
      bench(*engine, queue, rows, {d, 3 * d, Activation::none, false});
      bench(*engine, queue, rows, {d, d, Activation::none, true});
      bench(*engine, queue, rows, {d, 4 * d, Activation::none, false});
      bench(*engine, queue, rows, {d, 4 * d, Activation::gelu_erf, false});
      bench(*engine, queue, rows, {4 * d, d, Activation::none, false});
      bench(*engine, queue, rows, {4 * d, d, Activation::none, true});
    }
  }
  return 0;
}
