#include "ops/cuda/transform/transform.h"

#include <algorithm>

namespace quantring::cuda {
namespace {

// Hands out parts of one allocation, or counts them.
class Parts {
 public:
  explicit Parts(void* memory) : memory_(static_cast<std::byte*>(memory)) {}
  template <class T>
  void take(T*& part, std::int64_t count) {
    part = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + bytes_);
    bytes_ += (static_cast<std::size_t>(count) * sizeof(T) + 255) / 256 * 256;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* memory_;
  std::size_t bytes_ = 0;
};

}  // namespace

TransformScratch transform_scratch(const Queue& queue, const TransformCode& code,
                                   std::int64_t images, void* memory) {
  TransformScratch s{};
  Parts parts(memory);
  const std::int64_t patches = images * code.patches(), prefix = images * code.prefix;
  const std::int64_t streams = images * code.streams;
  s.plain_bytes = 8 + std::int64_t{code.tokens()} * code.dim;
  // A stream that is longer is not used. The coder stops short of the end by 8 steps of 32 words.
  s.word_capacity = s.plain_bytes / 2 + 384;
  parts.take(s.rows.patch_planes, 2 * patches * transform_padded(code.dim));
  parts.take(s.rows.prefix_planes, 2 * prefix * transform_padded(code.dim));
  parts.take(s.rows.patch_units, patches);
  parts.take(s.rows.prefix_units, prefix);
  parts.take(s.values, images * code.tokens() * code.dim * std::int64_t{sizeof(float)});
  parts.take(s.patches, patches * code.components);
  parts.take(s.prefix, prefix * code.dim);
  if (!dct_in_shared_memory(queue, code)) parts.take(s.planes, 2 * patches * code.components);
  parts.take(s.symbols, images * code.symbol_bytes());
  parts.take(s.quantized, images * code.coded);
  parts.take(s.unsound, images);
  parts.take(s.escapes, streams);
  parts.take(s.listed, streams * max_listed);
  parts.take(s.escaped, streams * code.each);
  parts.take(s.open, streams * code.each);
  parts.take(s.digits, streams * code.each * 6);
  parts.take(s.states, streams * 32);
  parts.take(s.words, streams * s.word_capacity);
  parts.take(s.counts, streams);
  s.bytes = parts.bytes();
  return s;
}

std::size_t transform_scratch_bytes(const Queue& queue, const TransformCode& code,
                                    std::int64_t images) {
  return transform_scratch(queue, code, images, nullptr).bytes;
}

void transform_encode_values(const Queue& queue, ConstTensor values, const TransformCode& code,
                             void* scratch) {
  const TransformScratch parts = transform_scratch(queue, code, values.shape[0], scratch);
  const TransformCall call{code, parts, static_cast<int>(values.shape[0])};
  transform_rows(queue, call, values);
  transform_analyse(queue, call);
  transform_quantize(queue, call);
}

void transform_encode_symbols(const Queue& queue, ConstTensor values, const TransformCode& code,
                              void* scratch, std::byte* body) {
  const TransformScratch parts = transform_scratch(queue, code, values.shape[0], scratch);
  const TransformCall call{code, parts, static_cast<int>(values.shape[0])};
  transform_code_streams(queue, call);
  transform_join_parts(queue, call, values.dtype, body);
}

void transform_decode_symbols(const Queue& queue, const std::byte* body, const TransformCode& code,
                              void* scratch, std::int64_t images) {
  const TransformScratch parts = transform_scratch(queue, code, images, scratch);
  transform_decode_streams(queue, {code, parts, static_cast<int>(images)}, body);
}

void transform_decode_values(const Queue& queue, const std::byte* body, const TransformCode& code,
                             void* scratch, Tensor values) {
  const TransformScratch parts = transform_scratch(queue, code, values.shape[0], scratch);
  const TransformCall call{code, parts, static_cast<int>(values.shape[0])};
  transform_planes(queue, call);
  transform_coefficient_rows(queue, call);
  transform_synthesise(queue, call, body, values);
}

}  // namespace quantring::cuda
