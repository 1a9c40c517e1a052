// What coding the head's pixels costs: for each way kB a picture, answers that stay those of plain
// pixels, top-1, and milliseconds to code and to decode. From it are the points of
// engine/control/pixel_points.cpp.
//
//   bench_pixels MODEL LABELS.csv PHOTOS...

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "apps/session/picture_batches.h"
#include "engine/camera/file_frames.h"
#include "engine/codec/jpeg_pixels.h"
#include "engine/stage/stage.h"
#include "engine/stage/topk.h"
#include "ops/base/error.h"
#include "ops/transfer.h"

namespace {

using namespace quantring;

struct Way {
  int quality;  // of JPEG; 0: packed
  std::size_t bytes = 0, agree = 0, right = 0;
  double code_s = 0, decode_s = 0;
};

template <class Work>
auto timed(double& seconds, const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  auto result = work();
  seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

class Answers {
 public:
  Answers(Context& context, const ModelFile& model)
      : context_(context),
        architecture_(model.architecture()),
        stage_(context, model, {0, model.architecture().half_blocks()}, 1) {}

  int of(std::span<const std::byte> pixels) {
    const Architecture& a = architecture_;
    Buffer buffer(context_, pixels.size());
    upload(context_, pixels, buffer.data());
    const ConstTensor result = stage_.forward_pixels(
        {buffer.data(), DType::u8, {1, a.channels, a.image_height, a.image_width}});
    std::vector<float> logits(static_cast<std::size_t>(a.classes));
    download(context_, result.data, std::as_writable_bytes(std::span(logits)));
    return top_k(logits, 1).front().index;
  }

 private:
  Context& context_;
  Architecture architecture_;
  Stage stage_;
};

void measure(const std::string& model_file, const std::string& labels,
             const std::vector<std::string>& photos) {
  const ModelFile model(model_file);
  const Architecture& a = model.architecture();
  const auto side = [](int value) { return static_cast<std::size_t>(value); };
  const PixelShape shape{1, side(a.channels), side(a.image_height), side(a.image_width)};
  Context context;
  Answers answers(context, model);
  std::vector<Way> ways{{0}, {95}, {94}, {90}, {85}, {80}, {75}, {60}, {50}};
  FileFrames source(photos, {.channels = a.channels, .labels_file = labels});
  PictureBatches batches(picture_source(source), model, {},
                         [](const std::string& line) { std::printf("%s\n", line.c_str()); });
  PictureBatch batch;
  std::size_t count = 0, right = 0;
  while (batches.next(batch)) {
    const int label = batch.frames.front().label, plain = answers.of(batch.pixels);
    ++count;
    right += plain == label;
    for (Way& way : ways) {
      const auto coded = timed(way.code_s, [&] {
        return way.quality == 0 ? packed_pixels(batch.pixels, shape)
                                : jpeg_pixels(batch.pixels, shape, way.quality);
      });
      way.bytes += coded.size();
      const auto back = timed(way.decode_s, [&] {
        if (is_packed_pixels(coded)) return unpacked_pixels(coded, shape);
        return is_jpeg_pixels(coded) ? decoded_jpeg_pixels(coded, shape) : coded;
      });
      const int answer = way.quality == 0 ? plain : answers.of(std::span(back).subspan(4));
      way.agree += answer == plain;
      way.right += answer == label;
    }
  }
  const auto all = static_cast<double>(count);
  std::printf("%zu pictures, top-1 %.2f %% with plain pixels of %zu bytes\n", count,
              100 * static_cast<double>(right) / all, shape.count());
  std::printf("quality  kB/picture  share  agreement %%  top-1 %%  code ms  decode ms\n");
  for (const Way& way : ways) {
    const double bytes = static_cast<double>(way.bytes) / all;
    std::printf("%7d  %10.2f  %5.3f  %11.2f  %7.2f  %7.2f  %9.2f\n", way.quality, bytes / 1000,
                bytes / static_cast<double>(shape.count()),
                100 * static_cast<double>(way.agree) / all,
                100 * static_cast<double>(way.right) / all, 1000 * way.code_s / all,
                1000 * way.decode_s / all);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_pixels MODEL LABELS.csv PHOTOS...\n");
    return 2;
  }
  try {
    measure(argv[1], argv[2], {argv + 3, argv + argc});
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
