#pragma once
// The pictures of files, folders, glob patterns and IDX files, in sequence.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/image/image.h"
#include "engine/image/picture_files.h"
#include "engine/labels/true_classes.h"

namespace quantring {

struct SourceItem {
  std::string name;  // path of the file; path#index for an IDX file
  Image image;
  std::vector<std::byte> file;  // instead of the image, if files are not decoded
  int label = -1;               // -1: unknown
};

class ImageSource;

struct SourceOptions {
  int channels = 3;  // of the images handed out: 1 or 3
  // A table (engine/labels/label_table.h) or IDX labels; "folders" or a folder: the names of the
  // class folders. Empty: those beside an IDX file, or those of class folders where the model's
  // classes are known and the names fit.
  std::string labels_file = {};
  LabelCheck check = {};
  std::size_t limit = 0;  // hand out so many at most; 0: all
  bool decode = true;     // false: pictures as the bytes of their files; those of an IDX file never
  // Asked first for each source; null if it is none of its.
  std::function<std::unique_ptr<ImageSource>(const std::string& spec)> open_other = {};
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // False after the last picture. Throws Error naming a picture that cannot be read, with item.name
  // set; the next call continues after it.
  virtual bool next(SourceItem& item) = 0;
  // Number of pictures, read or not; nothing while it is not known.
  virtual std::optional<std::size_t> size() const = 0;
  virtual PassedOver passed_over() const { return {}; }
};

// specs, one after the other: an IDX image file (recognised by its content); a picture; a folder;
// else a glob pattern (picture_files.h). IDX labels are found beside the images by MNIST's naming:
// train-images-idx3-ubyte -> train-labels-idx1-ubyte, with or without .gz. Throws Error if
// nothing matches or the labels do not fit.
std::unique_ptr<ImageSource> open_source(const std::vector<std::string>& specs,
                                         const SourceOptions& options);

// The pictures of an IDX file in memory. name: for item names and error texts; labels beside a file
// of that name are taken.
std::unique_ptr<ImageSource> idx_source(std::span<const std::byte> file, const std::string& name,
                                        const SourceOptions& options);

}  // namespace quantring
