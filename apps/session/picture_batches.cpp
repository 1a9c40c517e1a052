#include "apps/session/picture_batches.h"

#include <fmt/format.h>

#include <utility>

#include "ops/base/error.h"

namespace quantring::apps {

PictureBatches::PictureBatches(ImageSource& source, const ModelFile& model, int batch,
                               Refuse refuse)
    : source_(source),
      model_(model),
      batch_(static_cast<std::size_t>(batch)),
      refuse_(std::move(refuse)) {}

bool PictureBatches::next(PictureBatch& batch) {
  batch.pixels.clear();
  batch.labels.clear();
  batch.names.clear();
  SourceItem item;
  while (batch.labels.size() < batch_ && read(item)) add(item, batch);
  return !batch.labels.empty();
}

bool PictureBatches::read(SourceItem& item) {
  for (;;) {
    try {
      return source_.next(item);
    } catch (const Error& error) {
      say_unreadable(error.what());
    }
  }
}

void PictureBatches::add(const SourceItem& item, PictureBatch& batch) {
  const int classes = model_.architecture().classes;
  if (item.label >= classes) {
    throw Error(fmt::format("{}: its label is class {}, but the model has classes 0 to {}",
                            item.name, item.label, classes - 1));
  }
  const std::size_t bytes = model_.preprocess().pixel_count();
  const std::size_t begin = batch.pixels.size();
  batch.pixels.resize(begin + bytes);
  auto* const place = reinterpret_cast<std::uint8_t*>(batch.pixels.data()) + begin;
  try {
    to_pixels(item.image, model_.preprocess(), {place, bytes});
  } catch (const Error& error) {
    batch.pixels.resize(begin);
    say_unreadable(fmt::format("{}: {}", item.name, error.what()));
    return;
  }
  batch.labels.push_back(item.label);
  batch.names.push_back(item.name);
}

void PictureBatches::say_unreadable(const std::string& line) {
  ++unreadable_;
  refuse_(line);
}

}  // namespace quantring::apps
