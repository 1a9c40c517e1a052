// Pictures and IDX files, from any bytes. The first byte selects: even, decode_image (bit 1: grey
// or RGB); odd, parse_idx.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/image/idx.h"
#include "engine/image/image.h"
#include "ops/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantring;
  if (size == 0) return 0;
  const auto file = std::as_bytes(std::span(data, size).subspan(1));
  try {
    if ((data[0] & 1) != 0) {
      const IdxArray array = parse_idx(file, "fuzz");
      std::uint64_t count = 1;
      for (const std::uint32_t side : array.shape) count *= side;
      if (array.values.size() != count) std::abort();
    } else {
      const Image image = decode_image(file, (data[0] & 2) != 0 ? 1 : 3, "fuzz");
      if (image.pixels.size() !=
          static_cast<std::size_t>(image.width) * image.height * image.channels)
        std::abort();
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
