#pragma once
// What a file is that was given as a model or a checkpoint and is neither, by its first bytes.

#include <cstddef>
#include <span>
#include <string_view>

namespace quantring {

struct FileKind {
  std::string_view what;    // "a JPEG picture"; empty: not known
  bool checkpoint = false;  // quantring-weights may convert it
};

FileKind file_kind(std::span<const std::byte> begin);  // 512 bytes, or all of a shorter file

}  // namespace quantring
