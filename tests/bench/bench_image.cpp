// Speed of decoding pictures.
// bench_image FILE [RUNS]: median time to decode it to RGB.
// bench_image FOLDER [RUNS]: pictures a second, decoded and prepared for DeiT (shorter side 256,
// bicubic, crop 224 x 224); median of the runs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/image/image.h"
#include "engine/image/preprocess.h"

using namespace quantring;

namespace {

// Of CPU time, which other programs disturb less.
template <typename Action>
double median_seconds(int runs, Action action) {
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    const std::clock_t start = std::clock();
    action();
    seconds.push_back(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_image FILE|FOLDER [RUNS]\n");
    return 2;
  }
  const std::string path = argv[1];
  const int runs = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
  if (!std::filesystem::is_directory(path)) {
    const std::vector<std::byte> file = read_image_file(path);
    Image image;
    const double seconds = median_seconds(runs, [&] { image = decode_image(file, 3, path); });
    std::printf("%d x %d: %.2f ms\n", image.width, image.height, seconds * 1e3);
    return 0;
  }
  std::vector<std::vector<std::byte>> files;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    files.push_back(read_image_file(entry.path().string()));
  PreprocessConfig config;
  std::vector<std::uint8_t> pixels(config.pixel_count());
  const double seconds = median_seconds(runs, [&] {
    for (const auto& file : files) to_pixels(decode_image(file, 3, path), config, pixels);
  });
  std::printf("%zu pictures: %.1f a second\n", files.size(),
              static_cast<double>(files.size()) / seconds);
  return 0;
}
