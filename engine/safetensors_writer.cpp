#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/safetensors.h"
#include "ops/error.h"

namespace quantring {

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path)
    : path_(std::move(path)), temporary_(fmt::format("{}.{}.part", path_.string(), ::getpid())) {
  std::error_code ignored;
  // Replacing what stands there by a rename is for files; a device or a pipe would be gone.
  if (std::filesystem::exists(path_, ignored) &&
      !std::filesystem::is_regular_file(path_, ignored)) {
    throw Error(fmt::format("cannot write '{}': it is not a regular file", path_.string()));
  }
  const auto parent = path_.parent_path();
  if (::access(parent.empty() ? "." : parent.c_str(), W_OK) != 0) {
    throw Error(fmt::format("cannot write '{}': {}", path_.string(), std::strerror(errno)));
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void SafetensorsWriter::declare(const std::string& name, const std::string& dtype,
                                std::vector<std::int64_t> shape) {
  std::uint64_t bytes = stored_dtype_bytes(dtype);
  for (const std::int64_t dim : shape) bytes *= static_cast<std::uint64_t>(dim);
  declared_.push_back({name, dtype, std::move(shape), bytes});
}

void SafetensorsWriter::begin(const std::map<std::string, std::string>& metadata) {
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
  // Spaces, so that the data starts on a 64-byte line: mapped tensors are then aligned for the ops.
  text.resize((text.size() + 8 + 63) / 64 * 64 - 8, ' ');
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    throw Error(fmt::format("cannot write '{}': {}", path_.string(), std::strerror(errno)));
  }
  std::byte length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(text.size() >> (8 * i) & 0xff);
  put(length);
  put(std::as_bytes(std::span(text)));
}

void SafetensorsWriter::write(std::span<const std::byte> data) {
  if (next_ >= declared_.size() || data.size() != declared_[next_].bytes) {
    throw std::logic_error("SafetensorsWriter: tensor written out of order or with a wrong size");
  }
  ++next_;
  put(data);
}

void SafetensorsWriter::commit() {
  if (next_ != declared_.size()) throw std::logic_error("SafetensorsWriter: tensors are missing");
  if (::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw Error(fmt::format("cannot write '{}': {}", path_.string(), std::strerror(errno)));
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

void SafetensorsWriter::put(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw Error(fmt::format("cannot write '{}': {}", path_.string(), std::strerror(errno)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace quantring
