#include "engine/image/formats/foreign_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/model/file_kind.h"

namespace quantring {

std::string foreign_format(std::span<const std::byte> file) {
  if (file.empty()) return "an empty file: copying or downloading it has failed";
  const FileKind kind = file_kind(file);
  const std::string_view remedy = kind.picture;
  if (kind.readable_picture) return {};
  if (!kind.what.empty()) {
    if (remedy.empty()) return kind.what;
    if (remedy.front() != '.') return fmt::format("{}: {}", kind.what, remedy);
    return fmt::format("{}: convert it with ImageMagick: convert x{} x.png", kind.what, remedy);
  }
  if (std::all_of(file.begin(), file.end(), [](std::byte b) { return b == std::byte{0}; }))
    return "a file of zeros: copying or downloading it has failed";
  return {};
}

}  // namespace quantring
