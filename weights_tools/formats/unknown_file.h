#pragma once
// What a file that is no checkpoint known here is, and what to do about it.

#include <cstddef>
#include <filesystem>
#include <span>

namespace quantring::weights {

// begin: its first bytes, 512 if it has as many. Throws Error, always.
[[noreturn]] void refuse_unknown(const std::filesystem::path& path,
                                 std::span<const std::byte> begin);

}  // namespace quantring::weights
