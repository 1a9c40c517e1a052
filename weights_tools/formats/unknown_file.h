#pragma once
// The error for a file that is not a supported checkpoint: its type and the remedy.

#include <cstddef>
#include <filesystem>
#include <span>

namespace quantring::weights {

// begin: its first bytes, up to 512. Always throws Error.
[[noreturn]] void refuse_unknown(const std::filesystem::path& path,
                                 std::span<const std::byte> begin);

}  // namespace quantring::weights
