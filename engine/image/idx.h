#pragma once
// The IDX format of MNIST and similar data sets (yann.lecun.com/exdb/mnist), plain or gzip: two
// zero bytes, a type (8: unsigned byte, the only one read), the number of dimensions, big-endian
// sizes, values.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quantring {

struct IdxArray {
  std::vector<std::uint32_t> shape;  // labels [n]; images [n, h, w] or [n, h, w, channels]
  std::vector<std::uint8_t> values;  // product of shape
};

inline constexpr std::uint64_t idx_max_values = std::uint64_t{1} << 31;

// Throws Error naming the file: another type, 0 or more than 4 dimensions, a size of 0, more than
// idx_max_values, a truncated file, trailing bytes, a broken gzip stream. Inflates no more than
// the header declares, and allocates memory only as data arrives.
IdxArray parse_idx(std::span<const std::byte> file, const std::string& name);
IdxArray load_idx(const std::string& path);

// True if the file starts like an IDX file (through gzip too). False if it cannot be read.
bool looks_like_idx(const std::string& path);
bool looks_like_idx(std::span<const std::byte> file);

}  // namespace quantring
