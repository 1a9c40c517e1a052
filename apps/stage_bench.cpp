#include "apps/stage_bench.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "apps/stage_worker.h"
#include "engine/stage.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double weights_mb(const Architecture& architecture, StageRange range) {
  double floats = 0;
  for (const TensorSpec& spec : tensor_specs(architecture, range)) {
    double count = 1;
    for (const auto dim : spec.shape) count *= static_cast<double>(dim);
    floats += count;
  }
  return 4e-6 * floats;
}

// Random pixels for a first stage, a random residual stream for the others.
class Input {
 public:
  Input(Stage& stage, const Architecture& a, int batch) : stage_(stage), batch_(batch) {
    if (stage.first()) {
      pixels_.resize(static_cast<std::size_t>(batch) *
                     static_cast<std::size_t>(a.channels * a.image_height * a.image_width));
      for (auto& pixel : pixels_) pixel = static_cast<std::uint8_t>(next() >> 24);
      tensor_ = {pixels_.data(), DType::u8, {batch, a.channels, a.image_height, a.image_width}};
    } else {
      stream_.resize(static_cast<std::size_t>(stage.residual(batch).shape.elements()));
      for (auto& value : stream_) value = static_cast<float>(next() >> 8) / 8388608.0f - 1.0f;
    }
  }

  void forward() {
    if (stage_.first()) {
      stage_.forward_pixels(tensor_);
    } else {
      std::memcpy(stage_.residual(batch_).data, stream_.data(), stream_.size() * sizeof(float));
      stage_.forward_residual(batch_);
    }
  }

 private:
  std::uint32_t next() { return state_ = state_ * 1664525u + 1013904223u; }

  Stage& stage_;
  int batch_;
  std::uint32_t state_ = 1;
  std::vector<std::uint8_t> pixels_;
  std::vector<float> stream_;
  ConstTensor tensor_;
};

StageBench measure(const std::string& model_path, StageRange range, int batch, int threads,
                   double seconds) {
  const ModelFile model(model_path);
  Context context(threads);
  Stage stage(context, model, range, batch);
  Input input(stage, model.architecture(), batch);
  using Clock = std::chrono::steady_clock;
  const auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  for (int i = 0; i < 2; ++i) input.forward();  // warm-up: pages, caches, clocks
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < 5 || elapsed(start) < seconds) {
    const auto begin = Clock::now();
    input.forward();
    times.push_back(elapsed(begin));
  }
  StageBench result;
  result.median_s = median(times);
  result.runs = times.size();
  result.weights_mb = weights_mb(model.architecture(), range);
  result.activations_mb = static_cast<double>(stage.activation_bytes()) / 1e6;
  result.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
  return result;
}

}  // namespace

StageBench bench_stage(const std::string& model_path, StageRange range, int batch, int threads,
                       double seconds) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("cannot make a pipe");
  const pid_t child = ::fork();
  if (child < 0) throw Error("cannot start a process");
  if (child == 0) {
    int status = 1;
    try {
      const StageBench result = measure(model_path, range, batch, threads, seconds);
      status = ::write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1;
    } catch (const std::exception& error) {
      fmt::print(stderr, "error: {}\n", error.what());
    }
    ::_exit(status);
  }
  ::close(ends[1]);
  StageBench result;
  const bool whole = ::read(ends[0], &result, sizeof result) == sizeof result;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  if (!whole) throw Error(fmt::format("the measurement of {} failed", range_text(range)));
  return result;
}

}  // namespace quantring::apps
