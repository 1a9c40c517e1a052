#include "engine/model/open_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "ops/base/error.h"

namespace quantring {

std::ifstream open_file(const std::filesystem::path& path) {
  std::error_code failed;
  const std::filesystem::file_status status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status)) {
    throw Error(fmt::format("cannot open '{}': {}", path.string(),
                            failed ? failed.message() : std::strerror(ENOENT)));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(fmt::format("'{}' is not a regular file", path.string()));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("cannot open '{}': {}", path.string(), std::strerror(errno)));
  return file;
}

}  // namespace quantring
