#include "apps/report/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "ops/base/error.h"

namespace quantring::apps {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error(fmt::format("cannot write '{}': {}", path.string(), std::strerror(errno)));
}

// The target of a symbolic link, or the path itself.
std::filesystem::path target_of(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_symlink(path, ignored)) return path;
  const auto target = std::filesystem::canonical(path, ignored);
  return target.empty() ? path : target;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

void check_writable(const std::string& path) {
  const std::filesystem::path target = target_of(path);
  std::error_code ignored;
  // The rename would remove a device or a pipe.
  if (std::filesystem::exists(target, ignored) &&
      !std::filesystem::is_regular_file(target, ignored)) {
    throw Error(fmt::format("cannot write '{}': it is not a regular file", path));
  }
  const auto folder = target.parent_path();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0) fail(path);
}

void write_text_file(const std::string& path, const std::string& text) {
  check_writable(path);
  const std::filesystem::path target = target_of(path);
  const std::string temporary = fmt::format("{}.{}.part", target.string(), ::getpid());
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0) fail(path);
  const bool whole = write_all(descriptor, text) && ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (whole && ::rename(temporary.c_str(), target.c_str()) == 0) return;
  if (!whole) errno = error;
  const int reason = errno;
  ::unlink(temporary.c_str());
  errno = reason;
  fail(path);
}

}  // namespace quantring::apps
