#pragma once
// The pictures of one file, a folder, a glob pattern or an IDX file, in sequence.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/image/image.h"

namespace quantring {

struct SourceItem {
  std::string name;  // path of the file; path#index for an IDX file
  Image image;
  std::vector<std::byte> file;  // instead of the image, if files are not decoded
  int label = -1;               // -1: unknown
};

struct SourceOptions {
  int channels = 3;         // of the images handed out: 1 or 3
  std::string labels_file;  // CSV (engine/model/labels.h) or IDX labels; empty: only those beside
                            // an IDX file
  std::size_t limit = 0;    // hand out so many at most; 0: all
  bool decode = true;  // false: pictures as the bytes of their files; those of an IDX file never
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // False after the last picture. Throws Error naming a picture that cannot be read, with item.name
  // set; the next call continues after it.
  virtual bool next(SourceItem& item) = 0;
  virtual std::size_t size() const = 0;  // number of pictures, read or not
  // Files skipped because of their extension.
  virtual std::size_t skipped() const = 0;
};

// spec: an IDX image file (recognised by its content); a picture; a folder (recursive, sorted by
// path, files ending in .jpg .jpeg .png .webp .bmp .gif .tga .pnm .pgm .ppm, any case); else a glob
// pattern
// (* ? [...] as in the shell) whose matching folders are ignored. IDX labels are found beside the
// images by MNIST's naming: train-images-idx3-ubyte -> train-labels-idx1-ubyte, with or without
// .gz. In a CSV a file is found by its path below the folder, its path as given or its file name.
// Throws Error if nothing matches or the labels do not fit.
std::unique_ptr<ImageSource> open_source(const std::string& spec, const SourceOptions& options);

}  // namespace quantring
