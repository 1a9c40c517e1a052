#pragma once
// CRC-32C (Castagnoli, RFC 3720): guards headers and payloads. Uses the crc instructions of the CPU
// where it has them, chosen at run time.

#include <cstddef>
#include <cstdint>
#include <span>

namespace quantring::net {

// Continues from `crc`, the result of the bytes before; 0 at the start.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

// The same by tables alone: the reference of the test, and the path of CPUs without the
// instructions.
std::uint32_t crc32c_table(std::span<const std::byte> bytes, std::uint32_t crc = 0);

}  // namespace quantring::net
