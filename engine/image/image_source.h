#pragma once
// What `classify SOURCE` reads: one picture, a folder, a glob pattern or an IDX file, one after
// another.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/image/image.h"

namespace quantring {

struct SourceItem {
  std::string name;  // path of the file; of an IDX file, path#index
  Image image;
  std::vector<std::byte> file;  // instead of the image, of files that are not decoded
  int label = -1;               // -1: not known
};

struct SourceOptions {
  int channels = 3;  // of the images handed out: 1 or 3
  std::string
      labels_file;  // CSV (engine/model/labels.h) or IDX labels; empty: only those beside an IDX file
  std::size_t limit = 0;  // hand out so many at most; 0: all
  bool decode = true;     // false: pictures as the bytes of their files; those of an IDX file never
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // False when all were handed out. A picture that cannot be read: throws Error naming it, with
  // item.name set; the next call goes on with the picture after it.
  virtual bool next(SourceItem& item) = 0;
  virtual std::size_t size() const = 0;  // pictures from first to last, handed out or not
  virtual std::size_t skipped()
      const = 0;  // files passed over because they are no pictures by name
};

// spec: an IDX image file (told by its content); a picture; a folder (recursive, sorted by path,
// files that end in .jpg .jpeg .png .bmp, any case); else a glob pattern (as the shell's * ?
// [...]), a folder among the matches being left out. IDX labels are looked for beside the images by
// MNIST's naming: train-images-idx3-ubyte -> train-labels-idx1-ubyte, with or without .gz. A file
// is found in a CSV by its path below the folder, by its path as given, or by its bare name. Throws
// Error saying what was looked for when nothing matches or the labels do not fit.
std::unique_ptr<ImageSource> open_source(const std::string& spec, const SourceOptions& options);

}  // namespace quantring
