// Words to quantized coefficients: a block an image, a warp a stream. Any bytes decode to
// something: reads stay within the part, and what is beyond its end is 0.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/transform/rans.cuh"
#include "ops/cuda/transform/transform_part.cuh"

namespace quantring::cuda {
namespace {

constexpr int group = transform_group;
constexpr int max_digits = 6;
constexpr int block_threads = 512;  // to load the tables; a warp a stream decodes

// A stream's words. Each lane holds two of the next 64, of which at most 32 are used up, and two of
// those behind.
class Words {
 public:
  __device__ Words(const std::byte* begin, std::int64_t bytes)
      : next_(begin), end_(begin + bytes / 2 * 2), before_(lanes_before()) {
    now_ = load();
    later_ = load();
  }

  // The next words for the lanes that take one, in the order of lanes. Called by the whole warp.
  __device__ std::uint32_t take(bool taking) {
    const std::uint32_t takers = __ballot_sync(every_lane, taking);
    const int mine = at_ + __popc(takers & before_);
    const std::uint32_t pair = __shfl_sync(every_lane, now_, mine >> 1 & 31);
    at_ += __popc(takers);
    if (at_ >= 32) {  // the same for all lanes
      const int lane = static_cast<int>(threadIdx.x % 32);
      const std::uint32_t kept = __shfl_sync(every_lane, now_, lane + 16 & 31);
      const std::uint32_t added =
          __shfl_sync(every_lane, later_, half_used_ ? lane : lane + 16 & 31);
      now_ = lane < 16 ? kept : added;
      at_ -= 32;
      if (half_used_) later_ = load();
      half_used_ = !half_used_;
    }
    return mine % 2 == 0 ? pair & 0xffffu : pair >> 16;
  }

 private:
  // This lane's two of the next 64.
  __device__ std::uint32_t load() {
    const std::byte* const mine = next_ + 4 * (threadIdx.x % 32);
    next_ += 128;
    const auto address = reinterpret_cast<std::uintptr_t>(mine);
    if (mine + 4 <= end_ && address % 4 == 0) return *reinterpret_cast<const std::uint32_t*>(mine);
    std::uint32_t pair = 0;
    for (int i = 0; i < 4 && mine + i < end_; ++i)
      pair |= static_cast<std::uint32_t>(mine[i]) << (8 * i);
    return pair;
  }

  const std::byte *next_, *end_;
  std::uint32_t before_, now_, later_;
  int at_ = 0;
  bool half_used_ = false;  // of later_
};

struct Decoder {
  Words words;
  std::uint32_t state;

  // inside: slot - begin. A lane that is not active takes nothing.
  __device__ void take(std::uint32_t inside, std::uint32_t size_less_one, bool active) {
    const std::uint32_t high = state >> rans_bits;
    const std::uint32_t taken = size_less_one * high + (high + inside);
    const bool low = active && taken < rans_lowest;
    const std::uint32_t word = words.take(low);
    state = !active ? state : low ? taken << 16 | word : taken;
  }
};

// Of a part of `bytes`, where a stream lies; as the host reads it, whatever the lengths say.
struct StreamBytes {
  const std::byte* begin;
  std::int64_t bytes;
};
__device__ StreamBytes stream_bytes(const std::byte* part, std::int64_t bytes, int streams,
                                    int stream) {
  const std::int64_t lengths = 4 * (streams - 1);
  if (bytes < lengths) return {part, 0};
  std::int64_t begin = lengths, length = bytes - lengths;
  for (int i = 0; i <= stream; ++i) {
    length = bytes - begin;
    if (i + 1 < streams)
      length = min(length, static_cast<std::int64_t>(__float_as_uint(float_at(part + 4 * i))));
    if (i < stream) begin += length;
  }
  return {part + begin, length};
}

// Decodes the digits of `found` coefficients in `escaped`, behind `count` coefficients.
__device__ void read_digits(const TransformCode& c, Decoder& decoder, int count, int found,
                            const std::uint32_t* escaped, std::uint32_t* open,
                            std::int32_t* quantized) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = lane; i < found; i += 32) open[i] = escaped[i];
  __syncwarp();
  int base = count;  // the number of the round's first symbol
  int going_on = found;
  for (int digit = 0; digit < max_digits && going_on > 0; ++digit) {
    int left = 0;
    for (int step = base / c.lanes; step * c.lanes < base + going_on; ++step) {
      const int i = step * c.lanes + lane - base;
      const bool active = lane < c.lanes && i >= 0 && i < going_on;
      const std::uint32_t place = active ? open[i] : 0;
      const std::uint32_t taken = decoder.state % rans_slots / digit_size;
      decoder.take(decoder.state % digit_size, digit_size - 1, active);
      if (active) {
        const auto bits = static_cast<std::int32_t>((taken & 15u) << (4 * digit));
        quantized[place] = digit == 0 ? bits : quantized[place] | bits;
      }
      const bool more = active && taken >= 16;
      const std::uint32_t all = __ballot_sync(every_lane, more);
      if (more) open[left + __popc(all & lanes_before())] = place;
      left += __popc(all);
      __syncwarp();
    }
    base += going_on;
    going_on = left;
  }
  for (int i = lane; i < found; i += 32) {
    const std::int32_t value = quantized[escaped[i]];
    const std::int32_t m = value / 2 + escape_magnitude;
    quantized[escaped[i]] = value % 2 != 0 ? -m : m;
  }
}

struct Tables {
  uint2 slots[slot_entries];
  std::uint32_t ranges[range_entries];
};

__device__ void load_tables(const TransformCode& c, Tables& tables) {
  const auto copy = [](const void* source, void* target, int bytes) {
#pragma unroll 8
    for (int i = static_cast<int>(threadIdx.x); i < bytes / 16; i += block_threads)
      static_cast<uint4*>(target)[i] = __ldg(static_cast<const uint4*>(source) + i);
  };
  copy(c.slots, tables.slots, sizeof tables.slots);
  copy(c.ranges, tables.ranges, sizeof tables.ranges);
}

__global__ void __launch_bounds__(block_threads)
    decode_kernel(TransformCode c, TransformScratch s, const std::byte* body, int images) {
  extern __shared__ __align__(16) std::uint8_t shared[];
  Tables& tables = *reinterpret_cast<Tables*>(shared);
  load_tables(c, tables);
  wait_for_predecessor();
  release_successor();
  __syncthreads();
  if (static_cast<int>(threadIdx.x / 32) >= c.streams) return;
  const int image = static_cast<int>(blockIdx.x), stream = static_cast<int>(threadIdx.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (is_plain(body, image)) return;
  const StreamBytes bytes =
      stream_bytes(part_of(body, images, image), part_length(body, image), c.streams, stream);
  const StreamRange range = stream_range(c, stream);
  const std::int64_t index = std::int64_t{image} * c.streams + stream;
  std::int32_t* const quantized = s.quantized + std::int64_t{image} * c.coded + range.begin;
  std::uint32_t* const escaped = s.escaped + index * c.each;

  const bool in_use = lane < c.lanes;
  std::uint32_t state = 0;
  for (int i = 0; i < 4 && in_use; ++i) {
    const std::int64_t at = 4 * lane + i;
    if (at < bytes.bytes / 2 * 2) state |= static_cast<std::uint32_t>(bytes.begin[at]) << (8 * i);
  }
  const std::int64_t states = min(std::int64_t{4} * c.lanes, bytes.bytes);
  Decoder decoder{Words(bytes.begin + states, bytes.bytes - states), state};

  const int steps = (range.count + c.lanes - 1) / c.lanes;
  const int groups = (steps + group - 1) / group;
  int found = 0, i = lane;
  uint2 next_classes = groups > 0 ? group_classes(c, stream, 0) : make_uint2(0, 0);
  for (int g = 0; g < groups; ++g) {
    const uint2 classes = next_classes;
    next_classes = group_classes(c, stream, min(g + 1, c.groups - 1));
    std::uint32_t escapes = 0;  // of this lane, a bit a step
#pragma unroll
    for (int k = 0; k < group; ++k) {
      const bool active = in_use && i + k * c.lanes < range.count;
      const int of_class = class_at(classes, k);
      const std::uint32_t slot = decoder.state % rans_slots;
      const uint2 entry = tables.slots[of_class * transform_slots + (slot >> transform_slot_shift)];
      // The part of slots may reach into the next symbol, and rarely beyond.
      std::uint32_t inside = slot - (entry.x & range_mask),
                    size = entry.x >> rans_bits & range_mask;
      std::uint32_t symbol = entry.y >> 16;
      if (inside > size) {
        inside -= size + 1;
        size = entry.y & 0xffffu;
        ++symbol;
      }
      while (inside > size) {
        inside -= size + 1;
        ++symbol;
        size = tables.ranges[of_class * transform_ranges_stride + symbol] >> rans_bits & range_mask;
      }
      decoder.take(inside, size, active);
      if (active) {
        const auto m = static_cast<std::int32_t>((symbol + 1) / 2);
        quantized[i + k * c.lanes] = symbol % 2 == 0 ? -m : m;
        if (symbol == escape_symbol) escapes |= 1u << k;
      }
    }
    if (__any_sync(every_lane, escapes != 0)) {
      for (int k = 0; k < group; ++k) {
        const bool is = (escapes >> k & 1u) != 0;
        const std::uint32_t all = __ballot_sync(every_lane, is);
        if (is)
          escaped[found + __popc(all & lanes_before())] =
              static_cast<std::uint32_t>(i + k * c.lanes);
        found += __popc(all);
      }
    }
    i += group * c.lanes;
  }
  if (found > 0) {
    __syncwarp();
    read_digits(c, decoder, range.count, found, escaped, s.open + index * c.each, quantized);
  }
}

}  // namespace

void transform_decode_streams(const Queue& queue, const TransformCall& call,
                              const std::byte* body) {
  launch(queue, "the kernel of klt's decoder", decode_kernel,
         dim3(static_cast<unsigned>(call.images)), dim3(block_threads), sizeof(Tables), call.code,
         call.scratch, body, call.images);
}

}  // namespace quantring::cuda
