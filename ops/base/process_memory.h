#pragma once
// Memory of this process.

#include <cstdint>

namespace quantring {

std::uint64_t resident_bytes();  // in RAM; 0 where /proc does not tell

}  // namespace quantring
