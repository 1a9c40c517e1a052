#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

// The path by which this process can link a file that has no name yet.
std::string open_file_name(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

// A temporary name beside `path` that `create` succeeded with; empty, with errno set, if it failed.
// An existing name is skipped: it may be left by a killed process with the same number, as in a
// restarted container.
template <class Create>
std::filesystem::path create_temporary(const std::filesystem::path& path, Create create) {
  for (int i = 0; i < 100; ++i) {
    const std::string name = i == 0 ? fmt::format("{}.{}.part", path.string(), ::getpid())
                                    : fmt::format("{}.{}-{}.part", path.string(), ::getpid(), i);
    if (create(name.c_str())) return name;
    if (errno != EEXIST) break;
  }
  return {};
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::is_symlink(path_, ignored)) {
    const auto target = std::filesystem::canonical(path_, ignored);
    if (!target.empty()) path_ = target;
  }
  // The final rename would replace a device or a pipe, too.
  if (std::filesystem::exists(path_, ignored) &&
      !std::filesystem::is_regular_file(path_, ignored)) {
    throw Error(fmt::format("cannot write '{}': it is not a regular file", path_.string()));
  }
  if (::access(folder_of(path_).c_str(), W_OK) != 0) fail();
}

SafetensorsWriter::~SafetensorsWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void SafetensorsWriter::declare(const std::string& name, const std::string& dtype,
                                std::vector<std::int64_t> shape) {
  std::uint64_t bytes = stored_dtype_bytes(dtype);
  for (const std::int64_t dim : shape) bytes *= static_cast<std::uint64_t>(dim);
  declared_.push_back({name, dtype, std::move(shape), bytes});
}

void SafetensorsWriter::open() {
  descriptor_ = ::open(folder_of(path_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (descriptor_ >= 0) {
    if (::access(open_file_name(descriptor_).c_str(), F_OK) == 0) return;
    ::close(descriptor_);  // without /proc the file could not be linked
  }
  temporary_ = create_temporary(path_, [&](const char* name) {
    descriptor_ = ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return descriptor_ >= 0;
  });
  if (descriptor_ < 0) fail();
}

std::string SafetensorsWriter::header(const std::map<std::string, std::string>& metadata) const {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const Declared& tensor : declared_) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes}}};
    offset += tensor.bytes;
  }
  std::string text = header.dump();
  // Padded so that the data start at a multiple of 64 bytes: mapped tensors are then aligned.
  text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  return length + text;
}

void SafetensorsWriter::begin(const std::map<std::string, std::string>& metadata) {
  const std::string bytes = header(metadata);
  header_bytes_ = bytes.size();
  open();
  put(std::as_bytes(std::span(bytes)));
}

void SafetensorsWriter::write(std::span<const std::byte> data) {
  if (next_ >= declared_.size() || data.size() != declared_[next_].bytes) {
    throw std::logic_error("SafetensorsWriter: tensor written out of order or with a wrong size");
  }
  ++next_;
  put(data);
}

void SafetensorsWriter::replace_metadata(const std::map<std::string, std::string>& metadata) {
  const std::string bytes = header(metadata);
  if (bytes.size() != header_bytes_) {
    throw std::logic_error("SafetensorsWriter: replaced metadata of another length");
  }
  const off_t end = ::lseek(descriptor_, 0, SEEK_CUR);
  if (end < 0 || ::lseek(descriptor_, 0, SEEK_SET) != 0) fail();
  put(std::as_bytes(std::span(bytes)));
  if (::lseek(descriptor_, end, SEEK_SET) != end) fail();
}

void SafetensorsWriter::commit() {
  if (next_ != declared_.size()) throw std::logic_error("SafetensorsWriter: tensors are missing");
  if (::fsync(descriptor_) != 0) fail();
  const auto link_as = [&](const char* name) {
    return ::linkat(AT_FDCWD, open_file_name(descriptor_).c_str(), AT_FDCWD, name,
                    AT_SYMLINK_FOLLOW) == 0;
  };
  if (!temporary_.empty() || !link_as(path_.c_str())) {
    if (temporary_.empty()) {
      // Only a rename replaces an existing file atomically, and it needs a name to start from.
      if (errno == EEXIST) temporary_ = create_temporary(path_, link_as);
      if (temporary_.empty()) fail();
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

void SafetensorsWriter::put(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void SafetensorsWriter::fail() const {
  throw Error(fmt::format("cannot write '{}': {}", path_.string(), std::strerror(errno)));
}

}  // namespace quantring
