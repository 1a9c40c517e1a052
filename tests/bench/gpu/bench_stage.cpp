// Times the forward pass of a whole model with random weights, from pixels in device memory to
// logits, on request, so that a script can alternate with PyTorch.
//   bench_stage [cuda|cuda:N|cpu] [f32|f16|bf16] [f32: keep the residual stream in f32]
// Each line on stdin is answered by one line of JSON:
//   vit_base 8           milliseconds of a pass, of the first pass, device memory in use
//   profile vit_base 8   one pass between cudaProfilerStart and Stop (ncu --profile-from-start off)

#include <cuda_runtime_api.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "ops/device.h"
#include "ops/transfer.h"

// Declared here: their header is in a package that nothing else needs.
extern "C" cudaError_t CUDARTAPI cudaProfilerStart();
extern "C" cudaError_t CUDARTAPI cudaProfilerStop();

namespace quantring {
namespace {

constexpr int max_images = 128;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::unique_ptr<ModelFile> random_model(const std::string& shape) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("quantring-bench-" + std::to_string(::getpid()) + ".safetensors");
  write_random_model(path, named_architecture(shape), StorageType::f16, 1);
  auto model = std::make_unique<ModelFile>(path);
  std::filesystem::remove(path);  // the mapping keeps it
  return model;
}

// One model on the device, for all batch sizes.
class Bench {
 public:
  Bench(Context& context, const std::string& shape)
      : context_(context),
        model_(random_model(shape)),
        architecture_(model_->architecture()),
        stage_(context, *model_, {0, architecture_.half_blocks()}, max_images) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(max_images) *
                                     model_->preprocess().pixel_count());
    std::mt19937 random(1);
    for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random() >> 24);
    pixels_ = Buffer(context, pixels.size());
    upload(context, std::as_bytes(std::span(pixels)), pixels_.data());
  }

  // `count` consecutive passes and one wait; returns seconds per pass.
  double passes(int images, int count) {
    const Architecture& a = architecture_;
    const auto start = Clock::now();
    ConstTensor logits;
    for (int i = 0; i < count; ++i) {
      logits = stage_.forward_pixels(
          {pixels_.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
    }
    download(context_, logits.data, std::as_writable_bytes(std::span(&one_logit_, 1)));
    return seconds_since(start) / count;
  }

 private:
  Context& context_;
  std::unique_ptr<ModelFile> model_;
  Architecture architecture_;
  Stage stage_;
  Buffer pixels_;
  float one_logit_ = 0;
};

// Like median_ms of torch_side.py: five rounds of at least ten passes, a quarter of a second in
// all.
double median_ms(Bench& bench, int images) {
  constexpr int rounds = 5, least = 10;
  bench.passes(images, 3);
  const double once = bench.passes(images, 5);
  const int count = std::max(least, static_cast<int>(0.25 / rounds / once));
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(bench.passes(images, count));
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return 1e3 * times[rounds / 2];
}

using Benches = std::map<std::string, std::unique_ptr<Bench>>;

void answer(Context& context, Benches& benches, const std::string& question) {
  std::istringstream words(question);
  std::string shape;
  int images = 0;
  words >> shape;
  const bool profile = shape == "profile";
  if (profile) words >> shape;
  words >> images;
  if (images < 1 || images > max_images) throw Error("a batch is 1 to 128 images: " + question);
  auto& bench = benches[shape];
  if (bench == nullptr) bench = std::make_unique<Bench>(context, shape);
  const double first_ms = 1e3 * bench->passes(images, 1);
  double ms = 0;
  if (profile) {
    bench->passes(images, 3);
    cudaProfilerStart();
    ms = 1e3 * bench->passes(images, 1);
    cudaProfilerStop();
  } else {
    ms = median_ms(*bench, images);
  }
  const double megabytes = static_cast<double>(device_bytes_in_use(context.device())) / 1e6;
  std::printf(
      "{\"shape\": \"%s\", \"batch\": %d, \"ms\": %.5f, \"first_ms\": %.1f, "
      "\"device_mb\": %.0f}\n",
      shape.c_str(), images, ms, first_ms, megabytes);
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  const auto argument = [&](int i, const char* otherwise) {
    return std::string(argc > i ? argv[i] : otherwise);
  };
  ContextOptions options;
  options.device = choose_device(argument(1, "cuda")).device;
  const std::string precision = argument(2, "f16");
  options.precision = precision == "f16"    ? Precision::f16
                      : precision == "bf16" ? Precision::bf16
                                            : Precision::f32;
  options.residual_f32 = argument(3, "") == "f32";
  Context context(options);
  Benches benches;
  for (std::string line; std::getline(std::cin, line);) answer(context, benches, line);
  return 0;
}

}  // namespace
}  // namespace quantring

int main(int argc, char** argv) {
  try {
    return quantring::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
