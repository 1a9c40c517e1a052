#pragma once
// What a file is, by its first bytes, where it was given as a picture, a model or a checkpoint and
// is none.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace quantring {

struct FileKind {
  std::string what;             // "a TIFF picture"; empty: not known
  std::string_view picture;     // what to do about it where a picture is wanted; may be empty
  std::string_view checkpoint;  // where a checkpoint is wanted; may be empty
  bool readable_picture = false;
  bool may_be_checkpoint = false;
};

// begin: 1024 bytes, or all of a shorter file.
FileKind file_kind(std::span<const std::byte> begin);

}  // namespace quantring
