#include "engine/camera/descriptor_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "ops/base/error.h"

namespace quantring {

DescriptorReader::DescriptorReader(int descriptor, Owned owned, std::string name,
                                   std::chrono::milliseconds patience)
    : descriptor_(descriptor), owned_(owned), name_(std::move(name)), patience_(patience) {}

DescriptorReader::~DescriptorReader() {
  if (owned_ == Owned::yes) ::close(descriptor_);
}

std::size_t DescriptorReader::read(std::span<std::byte> buffer) {
  const int wait = patience_.count() == 0 ? -1 : static_cast<int>(patience_.count());
  for (;;) {
    pollfd waiting[2] = {{.fd = stop_.descriptor(), .events = POLLIN, .revents = 0},
                         {.fd = descriptor_, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waiting, 2, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw Error(fmt::format("{}: cannot wait: {}", name_, std::strerror(errno)));
    if (waiting[0].revents != 0) return 0;
    if (ready == 0)
      throw Error(fmt::format(
          "{}: no data for {:g} s", name_,
          std::chrono::duration_cast<std::chrono::duration<double>>(patience_).count()));
    const ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && errno != EAGAIN)
      throw Error(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno)));
  }
}

std::unique_ptr<ByteReader> open_file_reader(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  return std::make_unique<DescriptorReader>(descriptor, DescriptorReader::Owned::yes, path);
}

}  // namespace quantring
