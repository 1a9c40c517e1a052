#pragma once
// SHA-256 (FIPS 180-4), by OpenSSL.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace quantring {

std::string sha256_hex(std::span<const std::byte> bytes);  // 64 lower-case hex digits
std::string sha256_hex(std::string_view text);

}  // namespace quantring
