#pragma once
// Shared by the codecs' kernels: tiles of 256 values of an image, 8 per lane, that a warp loads,
// stores, packs and unpacks. 32 lanes of 8 codes fill whole words at every width, so tiles never
// share a word.

#include <cstdint>

#include "ops/coding/coding_arithmetic.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {

inline constexpr int lane_values = 8;
inline constexpr int tile_values = 32 * lane_values;
inline constexpr unsigned all_lanes = 0xffffffffu;

__device__ inline int lane_index() {
  return static_cast<int>(threadIdx.x % 32);
}
__device__ inline int warp_index() {
  return static_cast<int>(threadIdx.x / 32);
}
__device__ inline int block_warps() {
  return static_cast<int>(blockDim.x / 32);
}

// One image of a batch.
template <class T>
struct Image {
  T* values;
  std::int64_t count;
  bool aligned;  // to 16 bytes

  __device__ Image(T* batch, std::int64_t index, std::int64_t each)
      : values(batch + index * each),
        count(each),
        aligned(reinterpret_cast<std::uintptr_t>(values) % 16 == 0) {}

  __device__ std::int64_t tiles() const { return (count + tile_values - 1) / tile_values; }
  // Where this lane's values of a tile start.
  __device__ std::int64_t first(std::int64_t tile) const {
    return tile * tile_values + lane_index() * lane_values;
  }
};

// 16 bytes and the values in them.
template <class T>
union Vector16 {
  uint4 bytes;
  T values[16 / sizeof(T)];
  __device__ Vector16() {}
};

// The values from `first` on, a multiple of lane_values. Past the end of the image they are NaN,
// which all statistics ignore.
template <class T>
__device__ inline void load_values(const Image<const T>& image, std::int64_t first,
                                   float (&x)[lane_values]) {
  constexpr int each = 16 / sizeof(T);
  if (image.aligned && first + lane_values <= image.count) {
#pragma unroll
    for (int part = 0; part < lane_values / each; ++part) {
      Vector16<T> v;
      v.bytes = reinterpret_cast<const uint4*>(image.values + first)[part];
#pragma unroll
      for (int i = 0; i < each; ++i) x[part * each + i] = to_float(v.values[i]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      x[i] = first + i < image.count ? to_float(image.values[first + i]) : nanf("");
    }
  }
}

template <class T>
__device__ inline void load_lane(const Image<const T>& image, std::int64_t tile,
                                 float (&x)[lane_values]) {
  load_values(image, image.first(tile), x);
}

template <class T>
__device__ inline void store_lane(const Image<T>& image, std::int64_t tile,
                                  const float (&x)[lane_values]) {
  constexpr int each = 16 / sizeof(T);
  const std::int64_t first = image.first(tile);
  if (image.aligned && first + lane_values <= image.count) {
#pragma unroll
    for (int part = 0; part < lane_values / each; ++part) {
      Vector16<T> v;
#pragma unroll
      for (int i = 0; i < each; ++i) v.values[i] = from_float<T>(x[part * each + i]);
      reinterpret_cast<uint4*>(image.values + first)[part] = v.bytes;
    }
  } else {
#pragma unroll
    for (int i = 0; i < lane_values; ++i) {
      if (first + i < image.count) image.values[first + i] = from_float<T>(x[i]);
    }
  }
}

// A lane's 8 packed codes: `bits` bytes, the rest of the words 0.
template <int bits>
struct LaneCodes {
  static constexpr int words = bits == 16 ? 4 : 2;
  std::uint32_t word[words];
};

template <int bits>
__device__ inline LaneCodes<bits> pack_lane(const std::uint32_t (&codes)[lane_values]) {
  LaneCodes<bits> packed{};
#pragma unroll
  for (int i = 0; i < lane_values; ++i) {
    const int at = i * bits / 32, shift = i * bits % 32;
    packed.word[at] |= codes[i] << shift;
    if (shift + bits > 32) packed.word[at + 1] |= codes[i] >> (32 - shift);
  }
  return packed;
}

template <int bits>
__device__ inline void unpack_lane(const LaneCodes<bits>& packed,
                                   std::uint32_t (&codes)[lane_values]) {
  constexpr std::uint32_t mask = (1u << bits) - 1;
#pragma unroll
  for (int i = 0; i < lane_values; ++i) {
    const int at = i * bits / 32, shift = i * bits % 32;
    std::uint32_t code = packed.word[at] >> shift;
    if (shift + bits > 32) code |= packed.word[at + 1] << (32 - shift);
    codes[i] = code & mask;
  }
}

// Bytes of a tile's codes that belong to the image.
template <int bits>
__device__ inline int tile_bytes(std::int64_t count, std::int64_t tile) {
  const std::int64_t left = count - tile * tile_values;
  return left >= tile_values ? 32 * bits : static_cast<int>((left * bits + 7) / 8);
}

// Staging memory in which a warp's lanes put their codes side by side.
template <int bits>
union TileCodes {
  std::uint8_t bytes[32 * bits];
  std::uint16_t halves[16 * bits];
  std::uint32_t words[8 * bits];
  uint2 pairs[4 * bits];
  uint4 fours[2 * bits];
};

// Called by a whole warp. stage: shared memory of the warp.
template <int bits>
__device__ inline void store_codes(const LaneCodes<bits>& packed, TileCodes<bits>& stage,
                                   std::byte* image_codes, std::int64_t count, std::int64_t tile) {
  const int lane = lane_index();
  __syncwarp();  // the previous tile has been read
  if constexpr (bits == 16) {
    stage.fours[lane] = make_uint4(packed.word[0], packed.word[1], packed.word[2], packed.word[3]);
  } else if constexpr (bits == 8) {
    stage.pairs[lane] = make_uint2(packed.word[0], packed.word[1]);
  } else if constexpr (bits == 4) {
    stage.words[lane] = packed.word[0];
  } else if constexpr (bits % 2 == 0) {
#pragma unroll
    for (int i = 0; i < bits / 2; ++i) {
      stage.halves[lane * (bits / 2) + i] =
          static_cast<std::uint16_t>(packed.word[i / 2] >> (i % 2 * 16));
    }
  } else {
#pragma unroll
    for (int i = 0; i < bits; ++i) {
      stage.bytes[lane * bits + i] = static_cast<std::uint8_t>(packed.word[i / 4] >> (i % 4 * 8));
    }
  }
  __syncwarp();
  std::byte* const target = image_codes + tile * (32 * bits);
  const int bytes = tile_bytes<bits>(count, tile);
  const int words = reinterpret_cast<std::uintptr_t>(target) % 4 == 0 ? bytes / 4 : 0;
#pragma unroll
  for (int first = 0; first < 8 * bits; first += 32) {
    const int i = first + lane;
    if (i < words) reinterpret_cast<std::uint32_t*>(target)[i] = stage.words[i];
  }
  for (int i = words * 4 + lane; i < bytes; i += 32) {
    target[i] = static_cast<std::byte>(stage.bytes[i]);
  }
}

// Past the end of the image, codes are 0.
template <int bits>
__device__ inline LaneCodes<bits> load_codes(const std::byte* image_codes, std::int64_t count,
                                             std::int64_t tile) {
  LaneCodes<bits> packed{};
  const std::byte* const source = image_codes + tile * (32 * bits);
  const int at = lane_index() * bits;
  const bool aligned = reinterpret_cast<std::uintptr_t>(source) % 4 == 0;
  const int bytes = tile_bytes<bits>(count, tile);
  if (aligned && bytes == 32 * bits) {
    const auto* const words = reinterpret_cast<const std::uint32_t*>(source);
    if constexpr (bits == 16 || bits == 8 || bits == 4) {
#pragma unroll
      for (int i = 0; i < bits / 4; ++i) packed.word[i] = words[at / 4 + i];
    } else {
      // The lane's bytes may start inside a word and end two words later.
      const int word = at / 4, shift = at % 4 * 8;
      constexpr int last = 8 * bits - 1;
      const std::uint32_t a = words[word], b = words[min(word + 1, last)];
      packed.word[0] = __funnelshift_r(a, b, shift);
      if constexpr (bits > 4) {
        packed.word[1] = __funnelshift_r(b, words[min(word + 2, last)], shift);
      }
    }
  } else {
#pragma unroll
    for (int i = 0; i < bits; ++i) {
      if (at + i < bytes) {
        packed.word[i / 4] |= static_cast<std::uint32_t>(source[at + i]) << (i % 4 * 8);
      }
    }
  }
  return packed;
}

}  // namespace quantring::cuda
