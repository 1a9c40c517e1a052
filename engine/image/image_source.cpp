#include "engine/image/image_source.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/image/idx.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

namespace fs = std::filesystem;

struct Entry : PictureFile {
  int label = -1;
};

class FileSource final : public ImageSource {
 public:
  FileSource(std::vector<Entry> entries, const SourceOptions& options, PassedOver passed_over)
      : entries_(std::move(entries)),
        channels_(options.channels),
        decode_(options.decode),
        passed_over_(std::move(passed_over)) {}

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
  std::optional<std::size_t> size() const override { return entries_.size(); }
  PassedOver passed_over() const override { return passed_over_; }

 private:
  std::vector<Entry> entries_;
  int channels_;
  bool decode_;
  PassedOver passed_over_;
  std::size_t next_ = 0;
};

class IdxSource final : public ImageSource {
 public:
  // images: [n, h, w] or [n, h, w, channels]; labels: [n] or empty.
  IdxSource(std::string path, IdxArray images, std::vector<int> labels, int channels)
      : path_(std::move(path)),
        images_(std::move(images)),
        labels_(std::move(labels)),
        channels_(channels) {}

  bool next(SourceItem& item) override {
    if (next_ == images_.shape[0]) return false;
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
  std::optional<std::size_t> size() const override { return images_.shape[0]; }

 private:
  std::string path_;
  IdxArray images_;
  std::vector<int> labels_;
  int channels_;
  std::size_t next_ = 0;
};

// Several sources, one after the other.
class Sequence final : public ImageSource {
 public:
  explicit Sequence(std::size_t limit) : limit_(limit) {}
  void append(std::unique_ptr<ImageSource> part) { parts_.push_back(std::move(part)); }

  bool next(SourceItem& item) override {
    for (; (limit_ == 0 || given_ < limit_) && current_ < parts_.size(); ++current_) {
      item = {};
      ++given_;  // also one that cannot be read
      if (parts_[current_]->next(item)) return true;
      --given_;
    }
    return false;
  }
  std::optional<std::size_t> size() const override {
    std::size_t sum = 0;
    for (const auto& part : parts_) {
      const auto size = part->size();
      if (!size) return std::nullopt;
      sum += *size;
    }
    return limit_ == 0 ? sum : std::min(sum, limit_);
  }
  PassedOver passed_over() const override {
    PassedOver sum;
    for (const auto& part : parts_) sum.add(part->passed_over());
    return sum;
  }

 private:
  std::vector<std::unique_ptr<ImageSource>> parts_;
  std::size_t limit_, given_ = 0, current_ = 0;
};

std::vector<int> read_idx_labels(const std::string& path, std::size_t expected) {
  const IdxArray array = load_idx(path);
  if (array.shape.size() != 1)
    throw Error(
        fmt::format("{}: labels have 1 dimension, this file has {}", path, array.shape.size()));
  if (array.values.size() != expected)
    throw Error(fmt::format("{}: {} labels for {} pictures", path, array.values.size(), expected));
  return {array.values.begin(), array.values.end()};
}

std::vector<int> true_classes(const std::vector<Entry>& entries, const SourceOptions& options) {
  const std::string& labels = options.labels_file;
  const std::vector<PictureFile> files(entries.begin(), entries.end());
  std::error_code ignored;
  const bool file = fs::exists(labels, ignored) && !fs::is_directory(labels, ignored);
  const bool folders = !file && (labels == "folders" || fs::is_directory(labels, ignored));
  if (folders || labels.empty()) {
    if (options.check.classes == 0 && !folders) return std::vector<int>(files.size(), -1);
    return classes_of_folders(files, options.check, folders);
  }
  if (looks_like_idx(labels)) return read_idx_labels(labels, files.size());
  return classes_in_table(files, labels, options.check);
}

void add_labels(std::vector<Entry>& entries, const SourceOptions& options) {
  const std::vector<int> classes = true_classes(entries, options);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].label = classes[i];
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

std::unique_ptr<ImageSource> open_idx(const std::string& path, IdxArray images,
                                      const SourceOptions& options) {
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
  return std::make_unique<IdxSource>(path, std::move(images), std::move(labels), options.channels);
}

PictureFiles find_files(const std::string& spec) {
  if (spec.empty())
    throw OptionError("a source is an empty name: is a variable of the shell empty, or not set?");
  std::error_code ignored;
  if (fs::is_symlink(spec, ignored) && !fs::exists(spec, ignored))
    throw Error(fmt::format("{}: a broken link: it points to '{}', which is not there", spec,
                            fs::read_symlink(spec, ignored).string()));
  // A file given by its path is tried whatever its name.
  if (fs::is_regular_file(spec, ignored)) return {.files = {{spec, spec}}, .passed_over = {}};
  return fs::is_directory(spec, ignored) ? find_in_folder(spec) : find_by_pattern(spec);
}

}  // namespace

std::unique_ptr<ImageSource> open_source(const std::vector<std::string>& specs,
                                         const SourceOptions& options) {
  if (options.channels != 1 && options.channels != 3)
    throw Error(fmt::format("pictures have 1 or 3 channels, not {}", options.channels));
  auto sequence = std::make_unique<Sequence>(options.limit);
  std::vector<Entry> entries;  // of neighbours, so that labels are looked up once for all
  PassedOver passed_over;
  const auto append_files = [&] {
    if (entries.empty()) return;
    add_labels(entries, options);
    sequence->append(std::make_unique<FileSource>(std::exchange(entries, {}), options,
                                                  std::exchange(passed_over, {})));
  };
  for (const std::string& spec : specs) {
    auto other = options.open_other ? options.open_other(spec) : nullptr;
    if (other != nullptr) {
      if (!options.labels_file.empty())
        throw OptionError(fmt::format("{}: labels are for files; the pictures of {} have no names",
                                      options.labels_file, spec));
      append_files();
      sequence->append(std::move(other));
      continue;
    }
    std::error_code ignored;
    if (fs::is_regular_file(spec, ignored) && looks_like_idx(spec)) {
      append_files();
      sequence->append(open_idx(spec, load_idx(spec), options));
      continue;
    }
    PictureFiles found = find_files(spec);
    for (auto& file : found.files)
      entries.push_back({{std::move(file.path), std::move(file.below)}});
    passed_over.add(found.passed_over);
  }
  append_files();
  return sequence;
}

std::unique_ptr<ImageSource> idx_source(std::span<const std::byte> file, const std::string& name,
                                        const SourceOptions& options) {
  return open_idx(name, parse_idx(file, name), options);
}

}  // namespace quantring
