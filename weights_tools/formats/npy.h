#pragma once
// The header of a NumPy array file: "\x93NUMPY", version, length, a Python dictionary as text, then
// the values. numpy/lib/format.py describes versions 1.0 to 3.0.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quantring::weights {

struct NpyHeader {
  std::string dtype;  // as safetensors names it
  std::vector<std::int64_t> shape;
  bool column_major = false;    // "fortran_order": the first index varies fastest
  std::size_t data_offset = 0;  // bytes before the values
  std::uint64_t data_bytes = 0;
};

// The size of the largest header that is accepted (NumPy has the same limit).
constexpr std::size_t max_npy_header = 12 + 10000;

// bytes: the beginning of the file. where: its name in errors. Throws Error: not an array file,
// truncated, Python objects, big-endian, unsupported element types and shapes.
NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where);

}  // namespace quantring::weights
