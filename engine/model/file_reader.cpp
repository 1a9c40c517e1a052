#include "engine/model/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "ops/base/error.h"

namespace quantring {
namespace {

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FileReader::FileReader(const std::filesystem::path& path) : path_(path.string()) {
  // Without O_NONBLOCK, opening a pipe blocks until it has a writer.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0)
    throw Error(fmt::format("cannot open '{}': {}", path_, std::strerror(errno)));
  const auto refuse = [this](const char* why) {
    ::close(descriptor_);
    throw Error(fmt::format("'{}' is {}", path_, why));
  };
  if (::fstat(descriptor_, &opened_) != 0 || !S_ISREG(opened_.st_mode))
    refuse(S_ISDIR(opened_.st_mode) ? "a folder" : "not a regular file");
  size_ = static_cast<std::uint64_t>(opened_.st_size);
  if (size_ == 0) refuse("empty");
}

FileReader::~FileReader() {
  ::close(descriptor_);
}

std::vector<std::byte> FileReader::read(std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset)
    throw std::logic_error("FileReader: outside the file");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::pread(descriptor_, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(fmt::format("cannot read '{}': {}", path_, std::strerror(errno)));
    if (count == 0) throw Error(changed_text());
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

bool FileReader::changed() const {
  struct stat held {
  }, named{};
  if (::fstat(descriptor_, &held) != 0 || ::stat(path_.c_str(), &named) != 0) return true;
  return held.st_size != opened_.st_size || !same_time(held.st_mtim, opened_.st_mtim) ||
         named.st_ino != opened_.st_ino || named.st_dev != opened_.st_dev;
}

std::string FileReader::changed_text() const {
  return fmt::format("'{}': {}; start again with the new one", path_, changed_in_use);
}

}  // namespace quantring
