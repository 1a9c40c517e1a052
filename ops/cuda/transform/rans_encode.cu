// Quantized coefficients to words, from the last to the first: a block an image, a warp a stream.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/transform/rans.cuh"

namespace quantring::cuda {
namespace {

constexpr int group = transform_group;
// The room that a group may take; a stream that has less left is too long to be used.
constexpr int reserve = group * 32;

// One stream's coder.
struct Coder {
  std::uint32_t state = rans_lowest;
  std::uint16_t* words;  // of the stream
  int at;                // the first word written
  std::uint32_t before;  // lanes_before()

  // Called by the whole warp. symbol: of TransformCode::ranges. active: this lane has one.
  __device__ void put(uint2 symbol, bool active) {
    const std::uint32_t size = (symbol.x >> rans_bits & range_mask) + 1;
    // The state after this symbol must fit 32 bits.
    const bool full = active && state >> (32 - rans_bits) >= size;
    const std::uint32_t writers = __ballot_sync(every_lane, full);
    at -= __popc(writers);
    if (full) words[at + __popc(writers & before)] = static_cast<std::uint16_t>(state);
    const std::uint32_t kept = full ? state >> 16 : state;
    // Below the quotient by less than 1, as the inverse is rounded down.
    std::uint32_t times = __umulhi(kept, symbol.y) >> (symbol.x >> 28);
    std::uint32_t rest = kept - times * size;
    const bool more = rest >= size;
    times = more ? times + 1 : times;
    rest = more ? rest - size : rest;
    if (active) state = (times << rans_bits) + rest + (symbol.x & range_mask);
  }
};

// Lists the stream's escaped coefficients in order. symbols: the stream's.
__device__ void list_escaped(const TransformCode& c, const std::uint8_t* symbols, int count,
                             std::uint32_t found, const std::uint32_t* listed,
                             std::uint32_t* escaped) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (found <= max_listed) {
    for (std::uint32_t i = lane; i < found; i += 32) {
      const std::uint32_t mine = listed[i];
      std::uint32_t rank = 0;
      for (std::uint32_t k = 0; k < found; ++k) rank += listed[k] < mine ? 1 : 0;
      escaped[rank] = mine;
    }
  } else {
    std::uint32_t before = 0;
    for (int step = 0; step * c.lanes < count; ++step) {
      const int i = step * c.lanes + lane;
      const int place = (step / group * 32 + lane) * group + step % group;
      const bool is = lane < c.lanes && i < count && symbols[place] == escape_symbol;
      const std::uint32_t all = __ballot_sync(every_lane, is);
      if (is) escaped[before + __popc(all & lanes_before())] = static_cast<std::uint32_t>(i);
      before += __popc(all);
    }
  }
  __syncwarp();
}

// Their digits in order; returns how many. Destroys `escaped`.
__device__ int write_digits(const std::int32_t* quantized, int found, std::uint32_t* escaped,
                            std::uint8_t* digits) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  int written = 0;
  for (int shift = 0; found > 0; shift += 4) {
    int left = 0;
    for (int first = 0; first < found; first += 32) {
      const bool mine = first + lane < found;
      const std::uint32_t i = mine ? escaped[first + lane] : 0;
      bool more = false;
      if (mine) {
        const std::int32_t q = quantized[i];
        const std::uint32_t value =
            2 * static_cast<std::uint32_t>(abs(q) - escape_magnitude) + (q < 0 ? 1 : 0);
        more = value >> shift >= 16;
        digits[written + first + lane] =
            static_cast<std::uint8_t>((value >> shift & 15u) | (more ? 16u : 0u));
      }
      const std::uint32_t going_on = __ballot_sync(every_lane, more);
      if (more) escaped[left + __popc(going_on & lanes_before())] = i;
      left += __popc(going_on);
      __syncwarp();
    }
    written += found;
    found = left;
  }
  return written;
}

__global__ void __launch_bounds__(32 * transform_max_streams)
    encode_kernel(TransformCode c, TransformScratch s) {
  __shared__ uint2 ranges[range_entries];
  for (int i = static_cast<int>(threadIdx.x); i < range_entries; i += static_cast<int>(blockDim.x))
    ranges[i] = __ldg(reinterpret_cast<const uint2*>(c.ranges) + i);
  wait_for_predecessor();
  release_successor();
  __syncthreads();
  const int image = static_cast<int>(blockIdx.x), stream = static_cast<int>(threadIdx.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t index = std::int64_t{image} * c.streams + stream;
  if (s.unsound[image] != 0) return;
  const StreamRange range = stream_range(c, stream);
  const std::int32_t* const quantized = s.quantized + std::int64_t{image} * c.coded + range.begin;
  const std::uint8_t* const symbols =
      s.symbols + std::int64_t{image} * c.streams * c.groups * 32 * group;
  const std::uint32_t found = s.escapes[index];
  std::uint8_t* const digits = s.digits + index * c.each * 6;
  int digit_count = 0;
  if (found > 0) {
    std::uint32_t* const escaped = s.escaped + index * c.each;
    list_escaped(c, symbols + group_place(c, stream, 0) - group * lane, range.count, found,
                 s.listed + index * max_listed, escaped);
    digit_count = write_digits(quantized, static_cast<int>(found), escaped, digits);
    __syncwarp();
  }
  Coder coder{rans_lowest, s.words + index * s.word_capacity, static_cast<int>(s.word_capacity),
              lanes_before()};
  const bool in_use = lane < c.lanes;
  // Digits, in steps that the last coefficients may have a part in: those are behind.
  const int total = range.count + digit_count;
  const int steps = (range.count + c.lanes - 1) / c.lanes;
  for (int step = (total + c.lanes - 1) / c.lanes; step-- > 0 && coder.at >= reserve;) {
    const int i = step * c.lanes + lane - range.count;
    if (step < steps && i - lane + c.lanes <= 0) break;
    // 2^9 of 2^14
    uint2 symbol = make_uint2((digit_size - 1) << rans_bits | 9u << 28, 0xffffffffu);
    const bool active = in_use && i >= 0 && i < digit_count;
    if (active) symbol.x |= static_cast<std::uint32_t>(digits[i]) * digit_size;
    coder.put(symbol, active);
  }
  int g = (steps + group - 1) / group - 1;
  const int whole = c.lanes == 32 ? range.count / (group * 32) : 0;  // groups without gaps
  uint2 next_classes, next_symbols;
  const auto fetch = [&](int of) {
    const std::int64_t place = group_place(c, stream, max(of, 0));
    next_classes = load_group(c.step_classes, place);
    next_symbols = load_group(symbols, place);
  };
  if (g >= 0) fetch(g);
  for (; g >= 0 && coder.at >= reserve; --g) {
    uint2 entries[group];
#pragma unroll
    for (int k = 0; k < group; ++k)
      entries[k] = ranges[byte_at(next_classes, k) * transform_ranges_stride +
                          byte_at(next_symbols, k) % transform_ranges_stride];
    fetch(g - 1);
    if (g < whole) {
#pragma unroll
      for (int k = group - 1; k >= 0; --k) coder.put(entries[k], true);
    } else {
#pragma unroll
      for (int k = group - 1; k >= 0; --k)
        coder.put(entries[k], in_use && (g * group + k) * c.lanes + lane < range.count);
    }
  }
  if (lane < c.lanes) s.states[index * 32 + lane] = coder.state;
  if (lane != 0) return;
  s.counts[index] = static_cast<std::uint32_t>(s.word_capacity - coder.at);
  if (coder.at < reserve) atomicOr(s.unsound + image, 1u);  // too long
}

}  // namespace

void transform_code_streams(const Queue& queue, const TransformCall& call) {
  launch(queue, "the kernel of klt's encoder", encode_kernel,
         dim3(static_cast<unsigned>(call.images)),
         dim3(32 * static_cast<unsigned>(call.code.streams)), 0, call.code, call.scratch);
}

}  // namespace quantring::cuda
