#include "apps/commands/picture_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/session/picture_batches.h"

namespace quantring::apps {

void PictureSet::add(const PictureSet& from, std::size_t index) {
  const auto picture = from.part(index, 1);
  pixels.insert(pixels.end(), picture.begin(), picture.end());
  labels.push_back(from.labels[index]);
}

PictureSet read_pictures(FileFrames& source, const ModelFile& model, std::size_t limit,
                         Progress& progress, std::uint64_t& unreadable) {
  PictureBatches batches(picture_source(source), model, {}, [&](const std::string& line) {
    progress.print(stderr, "error: " + line);
    ++unreadable;
  });
  const std::size_t total = source.size();
  PictureSet set;
  PictureBatch batch;
  for (std::size_t i = 0; batches.next(batch); ++i) {
    if (progress.due()) progress.show(fmt::format("reading pictures: {}", i + 1));
    if (limit > 0 && set.size() == limit) break;
    if (limit > 0 && total > limit && i * limit / total == (i + 1) * limit / total) continue;
    set.pixels.insert(set.pixels.end(), batch.pixels.begin(), batch.pixels.end());
    set.labels.push_back(batch.frames.front().label);
  }
  return set;
}

void evaluate_set(Evaluation& evaluation, const PictureSet& pictures, int batch,
                  const std::function<void(std::size_t done, std::size_t passes)>& progress) {
  const auto most = static_cast<std::size_t>(batch);
  for (std::size_t i = 0; i < pictures.size(); i += most) {
    const std::size_t count = std::min(most, pictures.size() - i);
    evaluation.add(pictures.part(i, count), std::span(pictures.labels).subspan(i, count),
                   [&](std::size_t passes) { progress(i, passes); });
  }
}

}  // namespace quantring::apps
