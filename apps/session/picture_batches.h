#pragma once
// Pictures of a source as batches of pixels, labels and names, one batch after another.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/image/image_source.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

struct PictureBatch {
  std::vector<std::byte> pixels;  // u8 [images, channels, height, width]
  std::vector<int> labels;        // of each image; -1: not known
  std::vector<std::string> names;
};

class PictureBatches {
 public:
  // refuse: told of every picture that cannot be read, in one line that names it.
  using Refuse = std::function<void(const std::string& line)>;
  PictureBatches(ImageSource& source, const ModelFile& model, int batch, Refuse refuse);

  // False when there are no more. Throws Error for a label that the model has no class for.
  bool next(PictureBatch& batch);
  std::uint64_t unreadable() const { return unreadable_; }

 private:
  bool read(SourceItem& item);
  void add(const SourceItem& item, PictureBatch& batch);
  void say_unreadable(const std::string& line);

  ImageSource& source_;
  const ModelFile& model_;
  std::size_t batch_;
  Refuse refuse_;
  std::uint64_t unreadable_ = 0;
};

}  // namespace quantring::apps
