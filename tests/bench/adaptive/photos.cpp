#include "tests/bench/adaptive/photos.h"

#include <algorithm>
#include <thread>

#include "apps/session/batch_session.h"
#include "engine/image/image_source.h"
#include "engine/image/preprocess.h"
#include "tests/bench/adaptive/experiment.h"

namespace quantring::bench {
namespace {

void answer(Photos& photos, const ModelFile& model) {
  ContextOptions compute;
  compute.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto session = make_local_session(model, micro_batch, compute);
  const int classes = model.architecture().classes;
  std::vector<float> logits;
  std::size_t next = 0;
  while (next < photos.pixels.size()) {
    PixelBatch batch;
    for (; batch.images < micro_batch && next < photos.pixels.size(); ++next, ++batch.images) {
      batch.pixels.insert(batch.pixels.end(), photos.pixels[next].begin(),
                          photos.pixels[next].end());
    }
    const std::uint32_t images = batch.images;
    session->submit(std::move(batch));
    session->next(logits);
    for (std::uint32_t i = 0; i < images; ++i) {
      photos.answers.push_back(
          first_class(logits.data() + i * static_cast<std::size_t>(classes), classes));
    }
  }
}

}  // namespace

Photos load_photos(const std::string& source, const std::string& labels, const ModelFile& model) {
  Photos photos;
  const auto pictures =
      open_source({source}, {.channels = model.preprocess().channels, .labels_file = labels});
  SourceItem item;
  while (pictures->next(item)) {
    std::vector<std::byte> pixels(model.preprocess().pixel_count());
    to_pixels(item.image, model.preprocess(),
              {reinterpret_cast<std::uint8_t*>(pixels.data()), pixels.size()});
    photos.pixels.push_back(std::move(pixels));
    photos.labels.push_back(item.label);
  }
  answer(photos, model);
  return photos;
}

int first_class(const float* logits, int classes) {
  return static_cast<int>(std::max_element(logits, logits + classes) - logits);
}

}  // namespace quantring::bench
