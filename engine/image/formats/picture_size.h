#pragma once
// Where a picture file ends that begins a stream of several.

#include <cstddef>
#include <optional>
#include <span>

namespace quantring {

inline constexpr std::size_t max_streamed_picture_bytes = std::size_t{1} << 29;

// So many bytes, or the whole file, decide how it is split.
inline constexpr std::size_t recognised_bytes = 40;

// Whether this begins a picture of a format that says where it ends: PNG, WebP, BMP, PNM, GIF, TGA.
bool says_its_size(std::span<const std::byte> bytes);

// Of such a picture; nothing until enough of it is there to tell. More than
// max_streamed_picture_bytes: its end cannot be found. ended: there are no more bytes.
std::optional<std::size_t> picture_size(std::span<const std::byte> bytes, bool ended);

}  // namespace quantring
