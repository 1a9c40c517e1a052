#include "engine/image/image_source.h"

#include <glob.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/image/idx.h"
#include "engine/model/labels.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

namespace fs = std::filesystem;

struct Entry {
  fs::path path;
  fs::path below;  // relative to the given folder, else the path itself
  int label = -1;
};

class FileSource final : public ImageSource {
 public:
  FileSource(std::vector<Entry> entries, const SourceOptions& options, std::size_t skipped)
      : entries_(std::move(entries)),
        channels_(options.channels),
        decode_(options.decode),
        skipped_(skipped) {}

  bool next(SourceItem& item) override {
    if (next_ == entries_.size()) return false;
    const Entry& entry = entries_[next_++];
    item.name = entry.path.string();
    item.label = entry.label;
    if (decode_) {
      item.image = load_image(item.name, channels_);
    } else {
      item.file = read_image_file(item.name);
    }
    return true;
  }
  std::size_t size() const override { return entries_.size(); }
  std::size_t skipped() const override { return skipped_; }

 private:
  std::vector<Entry> entries_;
  int channels_;
  bool decode_;
  std::size_t skipped_, next_ = 0;
};

class IdxSource final : public ImageSource {
 public:
  // images: [n, h, w] or [n, h, w, channels]; labels: [n] or empty; count: how many to return.
  IdxSource(std::string path, IdxArray images, std::vector<int> labels, int channels,
            std::size_t count)
      : path_(std::move(path)),
        images_(std::move(images)),
        labels_(std::move(labels)),
        channels_(channels),
        count_(count) {}

  bool next(SourceItem& item) override {
    if (next_ == count_) return false;
    const std::size_t index = next_++;
    item.name = fmt::format("{}#{}", path_, index);
    item.label = labels_.empty() ? -1 : labels_[index];
    Image image{.width = static_cast<int>(images_.shape[2]),
                .height = static_cast<int>(images_.shape[1]),
                .channels = images_.shape.size() == 4 ? static_cast<int>(images_.shape[3]) : 1,
                .pixels = {}};
    const std::size_t each = images_.values.size() / images_.shape[0];
    const std::uint8_t* first = images_.values.data() + index * each;
    image.pixels.assign(first, first + each);
    item.image = convert_channels(std::move(image), channels_);
    return true;
  }
  std::size_t size() const override { return count_; }
  std::size_t skipped() const override { return 0; }

 private:
  std::string path_;
  IdxArray images_;
  std::vector<int> labels_;
  int channels_;
  std::size_t count_, next_ = 0;
};

constexpr std::array<std::string_view, 10> extensions = {".jpg", ".jpeg", ".png", ".webp", ".bmp",
                                                         ".gif", ".tga",  ".pnm", ".pgm",  ".ppm"};

bool picture_by_name(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& letter : extension)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

struct Found {
  std::vector<Entry> entries;
  std::size_t skipped = 0;

  void add(Entry entry) {
    if (picture_by_name(entry.path)) {
      entries.push_back(std::move(entry));
    } else {
      ++skipped;
    }
  }
};

Found find_in_folder(const fs::path& folder) {
  Found found;
  try {
    for (const auto& file : fs::recursive_directory_iterator(folder))
      if (file.is_regular_file())
        found.add({.path = file.path(), .below = file.path().lexically_relative(folder)});
  } catch (const fs::filesystem_error& error) {
    throw Error(
        fmt::format("{}: the folder cannot be read: {}", folder.string(), error.code().message()));
  }
  if (found.entries.empty())
    throw Error(fmt::format("{}: no picture in this folder: looked for {} ({} other files skipped)",
                            folder.string(), fmt::join(extensions, " "), found.skipped));
  std::sort(found.entries.begin(), found.entries.end(),
            [](const Entry& a, const Entry& b) { return a.below < b.below; });
  return found;
}

Found find_by_pattern(const std::string& pattern) {
  glob_t matches{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &matches);
  Found found;
  for (std::size_t i = 0; status == 0 && i < matches.gl_pathc; ++i) {
    const fs::path path = matches.gl_pathv[i];
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) found.add({.path = path, .below = path});
  }
  ::globfree(&matches);
  if (found.entries.empty())
    throw Error(
        fmt::format("{}: no such file or folder, and as a pattern it matches no picture: looked "
                    "for {} ({} other "
                    "files skipped)",
                    pattern, fmt::join(extensions, " "), found.skipped));
  return found;
}

std::vector<int> read_idx_labels(const std::string& path, std::size_t expected) {
  const IdxArray array = load_idx(path);
  if (array.shape.size() != 1)
    throw Error(
        fmt::format("{}: labels have 1 dimension, this file has {}", path, array.shape.size()));
  if (array.values.size() != expected)
    throw Error(fmt::format("{}: {} labels for {} pictures", path, array.values.size(), expected));
  return {array.values.begin(), array.values.end()};
}

void label_from_csv(std::vector<Entry>& entries, const std::string& path) {
  const std::map<std::string, int> labels = read_label_csv(path);
  std::size_t known = 0;
  for (Entry& entry : entries) {
    for (const fs::path& name : {entry.below, entry.path, entry.path.filename()}) {
      const auto label = labels.find(name.generic_string());
      if (label == labels.end()) continue;
      entry.label = label->second;
      ++known;
      break;
    }
  }
  if (known == 0)
    throw Error(fmt::format("{}: has no label for any of the {} pictures, for example {}", path,
                            entries.size(), entries.front().below.generic_string()));
}

void add_labels(std::vector<Entry>& entries, const std::string& path) {
  if (path.empty()) return;
  if (!looks_like_idx(path)) return label_from_csv(entries, path);
  const std::vector<int> labels = read_idx_labels(path, entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].label = labels[i];
}

// train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte, with or without .gz.
std::optional<std::string> labels_beside(const fs::path& images) {
  std::string name = images.filename().string();
  const auto replace = [&name](const std::string& from, const std::string& to) {
    const std::size_t at = name.find(from);
    if (at != std::string::npos) name.replace(at, from.size(), to);
    return at != std::string::npos;
  };
  if (!replace("images", "labels")) return std::nullopt;
  if (!replace("idx3", "idx1")) replace("idx4", "idx1");
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const char* const ending : {"", ".gz"}) {
    const std::string path = (images.parent_path() / (name + ending)).string();
    if (looks_like_idx(path)) return path;
  }
  return std::nullopt;
}

std::unique_ptr<ImageSource> open_idx(const std::string& path, const SourceOptions& options) {
  IdxArray images = load_idx(path);
  const auto& shape = images.shape;
  if (shape.size() < 3)
    throw Error(fmt::format("{}: holds {} dimensions, not pictures; give the images-idx3 file",
                            path, shape.size()));
  if (shape[1] > image_max_side || shape[2] > image_max_side ||
      (shape.size() == 4 && shape[3] != 1 && shape[3] != 3))
    throw Error(fmt::format("{}: pictures must have 1 or 3 channels and sides up to {}", path,
                            image_max_side));
  const std::size_t count = shape[0];
  std::vector<int> labels;
  if (!options.labels_file.empty()) {
    if (!fs::exists(options.labels_file))
      throw Error(fmt::format("{}: no such file", options.labels_file));
    if (!looks_like_idx(options.labels_file))
      throw Error(fmt::format("{}: pictures of an IDX file take their labels from an IDX file",
                              options.labels_file));
    labels = read_idx_labels(options.labels_file, count);
  } else if (const auto beside = labels_beside(path)) {
    labels = read_idx_labels(*beside, count);
  }
  const std::size_t limit = options.limit == 0 ? count : std::min(count, options.limit);
  return std::make_unique<IdxSource>(path, std::move(images), std::move(labels), options.channels,
                                     limit);
}

}  // namespace

std::unique_ptr<ImageSource> open_source(const std::string& spec, const SourceOptions& options) {
  if (options.channels != 1 && options.channels != 3)
    throw Error(fmt::format("pictures have 1 or 3 channels, not {}", options.channels));
  std::error_code ignored;
  Found found;
  if (fs::is_regular_file(spec, ignored)) {
    if (looks_like_idx(spec)) return open_idx(spec, options);
    // A file given by its path is tried whatever its extension.
    found.entries.push_back({.path = spec, .below = spec});
  } else if (fs::is_directory(spec, ignored)) {
    found = find_in_folder(spec);
  } else {
    found = find_by_pattern(spec);
  }
  add_labels(found.entries, options.labels_file);
  if (options.limit != 0 && found.entries.size() > options.limit)
    found.entries.erase(found.entries.begin() + static_cast<std::ptrdiff_t>(options.limit),
                        found.entries.end());
  return std::make_unique<FileSource>(std::move(found.entries), options, found.skipped);
}

}  // namespace quantring
