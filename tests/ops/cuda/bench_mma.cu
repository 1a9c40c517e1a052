// Microseconds per product: each configuration of the mma engine at the shapes of ViTs, in a graph
// whose launches cycle through enough copies of the weights to read them from memory, as in a
// model.
//
//   bench_mma [tiny|base|large] [rows ...]       default: all, 197 1576 6304

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/ops/cuda/graph_time.h"
#include "tests/ops/cuda/mma_support.h"

using namespace quantring;
using namespace quantring::test;

namespace {

struct Size {
  const char* name;
  std::int64_t in, out;
  bool accumulate;
  Activation activation;
};

constexpr Size sizes[] = {
    {"tiny qkv", 192, 576, false, Activation::none},
    {"tiny proj", 192, 192, true, Activation::none},
    {"tiny fc1", 192, 768, false, Activation::gelu_erf},
    {"tiny fc2", 768, 192, true, Activation::none},
    {"base qkv", 768, 2304, false, Activation::none},
    {"base proj", 768, 768, true, Activation::none},
    {"base fc1", 768, 3072, false, Activation::gelu_erf},
    {"base fc2", 3072, 768, true, Activation::none},
    {"large qkv", 1024, 3072, false, Activation::none},
    {"large proj", 1024, 1024, true, Activation::none},
    {"large fc1", 1024, 4096, false, Activation::gelu_erf},
    {"large fc2", 4096, 1024, true, Activation::none},
    {"base head", 768, 1000, false, Activation::none},
};

std::vector<std::byte> random_halves(std::size_t count, float scale) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(std::min<std::size_t>(count, 1 << 20));
  for (float& v : values) v = normal(random);
  std::vector<std::byte> piece = packed(values, DType::f16), bytes;
  while (bytes.size() < count * 2) {
    const std::size_t more = std::min(piece.size(), count * 2 - bytes.size());
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(more));
  }
  return bytes;
}

struct Timed {
  double time;
  std::string name;
};

void print(std::vector<Timed> timed, const std::vector<std::string>& first) {
  std::sort(timed.begin(), timed.end(),
            [](const Timed& a, const Timed& b) { return a.time < b.time; });
  double guessed = 1e9;  // the best candidate of the autotuner, and its index
  std::size_t place = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (const Timed& t : timed) {
      if (t.name == first[i] && t.time < guessed) guessed = t.time, place = i + 1;
    }
  }
  std::printf("  %6.2f us of the engine's candidates (%zu.):", guessed, place);
  for (std::size_t i = 0; i < std::min<std::size_t>(timed.size(), 7); ++i) {
    std::printf("  %.2f %s", timed[i].time, timed[i].name.c_str());
  }
  std::puts("");
}

void measure(const cuda::Queue& queue, cuda::MatmulEngine& engine, const Size& size,
             std::int64_t rows) {
  const auto weight_count = static_cast<std::size_t>(size.in * size.out);
  const int copies = static_cast<int>(std::clamp<std::size_t>(
      (std::size_t{100} << 20) / (2 * weight_count), 24, rows > 1000 ? 24 : 72));
  const auto x_count = static_cast<std::size_t>(rows * size.in);
  const auto x_bytes = random_halves(x_count, 1), w_bytes = random_halves(weight_count, 0.02f);
  const auto x = on_device<std::byte>(x_bytes.data(), x_bytes.size());
  cuda::DeviceMemory<> y(static_cast<std::size_t>(rows * size.out) * 2);
  const std::vector<float> bias(4096, 0.1f);
  std::vector<cuda::DeviceLinear> layers(static_cast<std::size_t>(copies));
  for (cuda::DeviceLinear& layer : layers) {
    layer.in = size.in;
    layer.out = size.out;
    layer.weights = on_device<std::byte>(w_bytes.data(), w_bytes.size());
    layer.bias = on_device<float>(bias.data(), static_cast<std::size_t>(size.out));
  }
  cuda::MatmulCall call;
  call.x = x.get();
  call.rows = rows;
  call.layer = &layers[0];
  call.y = y.get();
  call.activation = size.activation;
  call.accumulate = size.accumulate;
  std::printf("%s, %lld rows, %d copies\n", size.name, static_cast<long long>(rows), copies);
  std::vector<Timed> timed;
  const std::vector<std::string> candidates = engine.candidates(call);
  for (const std::string& name : rows <= 600 ? mma_configurations() : candidates) {
    try {
      engine.run(call, name);
    } catch (const Error&) {
      continue;
    }
    const double time = graph_microseconds(queue, copies, [&](int i) {
      call.layer = &layers[static_cast<std::size_t>(i)];
      engine.run(call, name);
    });
    timed.push_back({time, name});
  }
  print(timed, candidates);
}

}  // namespace

int main(int count, char** arguments) {
  if (!gpu_present()) return 0;
  try {
    const cuda::Queue queue = make_queue();
    const auto engine = cuda::make_mma_engine(queue);
    std::vector<std::int64_t> all_rows;
    std::string model;
    for (int i = 1; i < count; ++i) {
      if (const long long rows = std::atoll(arguments[i]); rows > 0) {
        all_rows.push_back(rows);
      } else {
        model = arguments[i];
      }
    }
    if (all_rows.empty()) all_rows = {197, 1576, 6304};
    for (const std::int64_t rows : all_rows) {
      for (const Size& size : sizes) {
        if (std::string(size.name).find(model) != 0) continue;
        const bool head = std::string(size.name).find("head") != std::string::npos;
        measure(queue, *engine, size, head ? std::max<std::int64_t>(rows / 197, 1) : rows);
      }
    }
  } catch (const Error& error) {
    std::printf("error: %s\n", error.what());
    return 1;
  }
}
