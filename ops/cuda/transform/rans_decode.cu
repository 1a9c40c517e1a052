// Words to quantized coefficients: a block an image, a warp a stream. Any bytes decode to
// something: reads stay within the part, and what is beyond its end is 0.

#include <algorithm>

#include "ops/cuda/device/launch.h"
#include "ops/cuda/transform/rans.cuh"
#include "ops/cuda/transform/transform_part.cuh"

namespace quantring::cuda {
namespace {

constexpr int group = transform_group;
constexpr int max_digits = 6;
constexpr int block_threads = 512;  // to load the tables; a warp a stream decodes

struct Decoder {
  std::uint32_t state;
  const std::uint16_t* words;  // and a 0 behind them
  int count;                   // words
  std::uint32_t before;        // lanes_before()
  int at = 0;

  // inside: slot - begin. A lane that is not active takes nothing. Called by the whole warp.
  __device__ void take(std::uint32_t inside, std::uint32_t size_less_one, bool active) {
    const std::uint32_t high = state >> rans_bits;
    const std::uint32_t taken = size_less_one * high + (high + inside);
    const bool low = active && taken < rans_lowest;
    // Words go to lanes in their order.
    const std::uint32_t takers = __ballot_sync(every_lane, low);
    const std::uint32_t word = words[min(at + __popc(takers & before), count)];
    at += __popc(takers);
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
  std::uint16_t sizes[range_entries];  // less one
};

__device__ void load_tables(const TransformCode& c, Tables& tables) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll 8
  for (int i = thread; i < slot_entries / 2; i += block_threads)
    reinterpret_cast<uint4*>(tables.slots)[i] = __ldg(reinterpret_cast<const uint4*>(c.slots) + i);
  for (int i = thread; i < range_entries; i += block_threads)
    tables.sizes[i] = static_cast<std::uint16_t>(c.ranges[i] >> rans_bits & range_mask);
}

// Copies a stream's words, without its states, to a place that is aligned; by the whole block.
__device__ void copy_words(StreamBytes stream, int lanes, std::uint16_t* target) {
  const std::int64_t states = min(std::int64_t{4} * lanes, stream.bytes);
  const std::byte* const source = stream.begin + states;
  const std::int64_t count = (stream.bytes - states) / 2;
  const bool aligned = reinterpret_cast<std::uintptr_t>(source) % 2 == 0;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < count; i += block_threads)
    target[i] = aligned ? reinterpret_cast<const std::uint16_t*>(source)[i]
                        : static_cast<std::uint16_t>(static_cast<unsigned>(source[2 * i]) |
                                                     static_cast<unsigned>(source[2 * i + 1]) << 8);
  if (threadIdx.x == 0) target[count] = 0;
}

// By one warp.
__device__ void decode_stream(const TransformCode& c, const TransformScratch& s,
                              const Tables& tables, StreamBytes bytes, int image, int stream,
                              const std::uint16_t* words) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const StreamRange range = stream_range(c, stream);
  const std::int64_t index = std::int64_t{image} * c.streams + stream;
  std::uint32_t* const escaped = s.escaped + index * c.each;
  std::uint8_t* const symbols = s.symbols + std::int64_t{image} * c.streams * c.groups * 32 * group;

  const bool in_use = lane < c.lanes;
  std::uint32_t state = 0;
  for (int i = 0; i < 4 && in_use; ++i) {
    const std::int64_t at = 4 * lane + i;
    if (at < bytes.bytes / 2 * 2) state |= static_cast<std::uint32_t>(bytes.begin[at]) << (8 * i);
  }
  const std::int64_t states = min(std::int64_t{4} * c.lanes, bytes.bytes);
  Decoder decoder{state, words, static_cast<int>((bytes.bytes - states) / 2), lanes_before()};

  const int steps = (range.count + c.lanes - 1) / c.lanes;
  const int groups = (steps + group - 1) / group;
  const int whole = c.lanes == 32 ? range.count / (group * 32) : 0;  // groups without gaps
  int found = 0, i = lane;
  uint2 next_classes = make_uint2(0, 0);
  if (groups > 0) next_classes = load_group(c.step_classes, group_place(c, stream, 0));
  // active(k): whether this lane has a symbol in step k of the group.
  const auto decode_group = [&](uint2 classes, std::int64_t place, auto active) {
    std::uint32_t taken[2] = {0, 0}, escapes = 0;
#pragma unroll
    for (int k = 0; k < group; ++k) {
      const int of_class = byte_at(classes, k);
      const std::uint32_t slot = decoder.state % rans_slots;
      const uint2 entry = tables.slots[of_class * transform_slots + (slot >> transform_slot_shift)];
      // The part of slots may reach into the next symbol, and rarely beyond.
      std::uint32_t inside = slot - (entry.x & 0xffffu), size = entry.x >> 16;
      std::uint32_t symbol = entry.y >> 16;
      const bool behind = inside > size;
      inside = behind ? inside - size - 1 : inside;
      size = behind ? entry.y & 0xffffu : size;
      symbol = behind ? symbol + 1 : symbol;
      while (inside > size) {
        inside -= size + 1;
        ++symbol;
        size = tables.sizes[of_class * transform_ranges_stride + symbol];
      }
      decoder.take(inside, size, active(k));
      taken[k / 4] |= symbol << (k % 4 * 8);
      if (active(k) && symbol == escape_symbol) escapes |= 1u << k;
    }
    *reinterpret_cast<uint2*>(symbols + place) = make_uint2(taken[0], taken[1]);
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
  };
  for (int g = 0; g < groups; ++g, i += group * c.lanes) {
    const uint2 classes = next_classes;
    next_classes = load_group(c.step_classes, group_place(c, stream, min(g + 1, groups - 1)));
    const std::int64_t place = group_place(c, stream, g);
    if (g < whole) {
      decode_group(classes, place, [](int) { return true; });
    } else {
      decode_group(classes, place, [&](int k) { return in_use && i + k * c.lanes < range.count; });
    }
  }
  if (found > 0) {
    __syncwarp();
    read_digits(c, decoder, range.count, found, escaped, s.open + index * c.each,
                s.quantized + std::int64_t{image} * c.coded + range.begin);
  }
}

__global__ void __launch_bounds__(block_threads)
    decode_kernel(TransformCode c, TransformScratch s, const std::byte* body, int images,
                  std::int64_t room) {
  extern __shared__ __align__(16) std::uint8_t shared[];
  Tables& tables = *reinterpret_cast<Tables*>(shared);
  load_tables(c, tables);
  wait_for_predecessor();
  release_successor();
  const int image = static_cast<int>(blockIdx.x), mine = static_cast<int>(threadIdx.x / 32);
  if (is_plain(body, image)) return;
  const std::byte* const part = part_of(body, images, image);
  const std::int64_t length = part_length(body, image);
  // Words in shared memory, where they fit.
  const bool fits = length + 8 * c.streams <= room;
  auto* const here = reinterpret_cast<std::uint16_t*>(shared + sizeof(Tables));
  const auto offset = [&](StreamBytes stream, int i) {
    return ((stream.begin - part) / 4 + 1 + 2 * i) * 2;  // words
  };
  std::uint16_t* const there = s.words + std::int64_t{image} * c.streams * s.word_capacity;
  for (int i = 0; i < c.streams; ++i) {
    const StreamBytes stream = stream_bytes(part, length, c.streams, i);
    copy_words(stream, c.lanes, fits ? here + offset(stream, i) : there + i * s.word_capacity);
  }
  __syncthreads();
  if (mine >= c.streams) return;
  const StreamBytes stream = stream_bytes(part, length, c.streams, mine);
  if (fits) {
    decode_stream(c, s, tables, stream, image, mine, here + offset(stream, mine));
  } else {
    decode_stream(c, s, tables, stream, image, mine, there + mine * s.word_capacity);
  }
}

}  // namespace

void transform_decode_streams(const Queue& queue, const TransformCall& call,
                              const std::byte* body) {
  const std::int64_t most = queue.shared_bytes_per_block - static_cast<int>(sizeof(Tables));
  const std::int64_t room = std::clamp<std::int64_t>(call.scratch.plain_bytes / 2, 0, most);
  launch(queue, "the kernel of klt's decoder", decode_kernel,
         dim3(static_cast<unsigned>(call.images)), dim3(block_threads),
         sizeof(Tables) + static_cast<std::size_t>(room), call.code, call.scratch, body,
         call.images, room);
}

}  // namespace quantring::cuda
