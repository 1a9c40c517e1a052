#include "net/wire/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace quantring::net {
namespace {

// tables[k][b]: the CRC of byte b followed by k zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  constexpr std::uint32_t polynomial = 0x82F63B78;  // reflected
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
    }
  }
  return tables;
}

constexpr Tables tables = make_tables();

std::uint32_t byte_at(const std::byte* bytes, int i) {
  return std::to_integer<std::uint32_t>(bytes[i]);
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t crc32c_cpu(const std::byte* bytes,
                                                           std::size_t length, std::uint32_t crc) {
  std::uint64_t wide = ~crc;
  for (; length >= 8; length -= 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; length > 0; --length, ++bytes) {
    narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*bytes));
  }
  return ~narrow;
}

bool cpu_has_crc() {
  return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && defined(__linux__)

// Assembly, because the intrinsics are hidden unless the whole file is compiled for such a CPU.
std::uint32_t crc32c_cpu(const std::byte* bytes, std::size_t length, std::uint32_t crc) {
  crc = ~crc;
  for (; length >= 8; length -= 8, bytes += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    asm(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
  }
  for (; length > 0; --length, ++bytes) {
    const auto byte = std::to_integer<std::uint32_t>(*bytes);
    asm(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
  }
  return ~crc;
}

bool cpu_has_crc() {
  constexpr unsigned long hwcap_crc32 = 1UL << 7;
  return (getauxval(AT_HWCAP) & hwcap_crc32) != 0;
}

#else

std::uint32_t crc32c_cpu(const std::byte* bytes, std::size_t length, std::uint32_t crc) {
  return crc32c_table({bytes, length}, crc);
}

bool cpu_has_crc() {
  return false;
}

#endif

}  // namespace

std::uint32_t crc32c_table(std::span<const std::byte> span, std::uint32_t crc) {
  const std::byte* bytes = span.data();
  std::size_t length = span.size();
  crc = ~crc;
  for (; length >= 8; length -= 8, bytes += 8) {
    crc ^= byte_at(bytes, 0) | byte_at(bytes, 1) << 8 | byte_at(bytes, 2) << 16 |
           byte_at(bytes, 3) << 24;
    crc = tables[7][crc & 0xFF] ^ tables[6][(crc >> 8) & 0xFF] ^ tables[5][(crc >> 16) & 0xFF] ^
          tables[4][crc >> 24] ^ tables[3][byte_at(bytes, 4)] ^ tables[2][byte_at(bytes, 5)] ^
          tables[1][byte_at(bytes, 6)] ^ tables[0][byte_at(bytes, 7)];
  }
  for (; length > 0; --length, ++bytes) {
    crc = (crc >> 8) ^ tables[0][(crc ^ byte_at(bytes, 0)) & 0xFF];
  }
  return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
  static const bool fast = cpu_has_crc();
  return fast ? crc32c_cpu(bytes.data(), bytes.size(), crc) : crc32c_table(bytes, crc);
}

}  // namespace quantring::net
