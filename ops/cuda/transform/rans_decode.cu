// Words to quantized coefficients: a block an image, a warp a stream. Any bytes decode to
// something: reads stay within the part, and what is beyond its end is 0.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/transform/rans.cuh"
#include "ops/cuda/transform/transform_part.cuh"

namespace quantring::cuda {
namespace {

constexpr int ahead = 4;  // steps whose classes are read at once
constexpr int max_digits = 6;

// A stream's words. A lane holds two of every 64, of these and of the next 64.
class Words {
 public:
  __device__ Words(const std::byte* begin, std::int64_t bytes)
      : next_(begin), end_(begin + bytes / 2 * 2) {
    now_ = load();
    later_ = load();
  }

  // The next words for the lanes that take one, in the order of lanes. Called by the whole warp.
  __device__ std::uint32_t take(bool taking) {
    const std::uint32_t takers = __ballot_sync(every_lane, taking);
    const int count = __popc(takers), mine = at_ + __popc(takers & lanes_before());
    std::uint32_t pair = __shfl_sync(every_lane, now_, mine / 2 & 31);
    if (at_ + count > 64) {  // the same for all lanes
      const std::uint32_t behind = __shfl_sync(every_lane, later_, mine / 2 & 31);
      if (mine >= 64) pair = behind;
    }
    at_ += count;
    if (at_ >= 64) {
      at_ -= 64;
      now_ = later_;
      later_ = load();
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
  std::uint32_t now_, later_;
  int at_ = 0;
};

struct Decoder {
  Words words;
  std::uint32_t state;

  // A lane that is not active takes nothing.
  __device__ void take(std::uint32_t begin, std::uint32_t size, bool active) {
    const std::uint32_t slot = state % rans_slots;
    if (active) state = size * (state >> rans_bits) + slot - begin;
    const bool low = active && state < rans_lowest;
    const std::uint32_t word = words.take(low);
    if (low) state = state << 16 | word;
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
      decoder.take(taken * digit_size, digit_size, active);
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

__global__ void __launch_bounds__(32 * transform_max_streams)
    decode_kernel(TransformCode c, TransformScratch s, const std::byte* body, int images) {
  __shared__ std::uint32_t ranges[range_entries];
  __shared__ __align__(16) std::uint8_t first_symbols[slot_entries];
  const int threads = static_cast<int>(blockDim.x);
  for (int i = static_cast<int>(threadIdx.x); i < range_entries; i += threads)
    ranges[i] = c.ranges[i];
  for (int i = static_cast<int>(threadIdx.x); i < slot_entries / 16; i += threads)
    reinterpret_cast<uint4*>(first_symbols)[i] = reinterpret_cast<const uint4*>(c.first_symbols)[i];
  wait_for_predecessor();
  release_successor();
  __syncthreads();
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

  const std::uint8_t* const classes = c.classes + range.begin;
  const int steps = (range.count + c.lanes - 1) / c.lanes;
  int found = 0;
  int next_class[ahead];
  const auto fetch = [&](int step) {
#pragma unroll
    for (int k = 0; k < ahead; ++k) {
      const int i = (step + k) * c.lanes + lane;
      next_class[k] = in_use && i < range.count ? classes[i] : 0;
    }
  };
  fetch(0);
  for (int step = 0; step < steps; step += ahead) {
    int class_of[ahead];
#pragma unroll
    for (int k = 0; k < ahead; ++k) class_of[k] = next_class[k];
    fetch(step + ahead);
#pragma unroll
    for (int k = 0; k < ahead; ++k) {
      const int i = (step + k) * c.lanes + lane;
      const bool active = in_use && i < range.count;
      const std::uint32_t slot = decoder.state % rans_slots;
      int symbol = first_symbols[class_of[k] * transform_slots + (slot >> transform_slot_shift)];
      const std::uint32_t* const entries = ranges + class_of[k] * transform_ranges_stride;
      std::uint32_t entry = entries[symbol];
      const std::uint32_t next = entries[symbol + 1];
      if (slot - (entry & 0xffffu) >= entry >> 16) {
        entry = next;
        ++symbol;
        while (slot - (entry & 0xffffu) >= entry >> 16) entry = entries[++symbol];
      }
      decoder.take(entry & 0xffffu, entry >> 16, active);
      const bool is_escaped = active && symbol == escape_symbol;
      if (active) {
        const int m = (symbol + 1) / 2;
        quantized[i] = symbol % 2 == 0 ? -m : m;
      }
      const std::uint32_t all = __ballot_sync(every_lane, is_escaped);
      if (all != 0) {
        if (is_escaped)
          escaped[found + __popc(all & lanes_before())] = static_cast<std::uint32_t>(i);
        found += __popc(all);
      }
    }
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
         dim3(static_cast<unsigned>(call.images)),
         dim3(32 * static_cast<unsigned>(call.code.streams)), 0, call.code, call.scratch, body,
         call.images);
}

}  // namespace quantring::cuda
