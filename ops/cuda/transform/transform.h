#pragma once
// The steps of codec klt on a GPU (ops/coding/transform_coding.h), and the memory between them.
//
//   encode: rows as integers -> product with the basis -> DCT and quantization -> one warp a stream
//   codes -> parts side by side. decode: one warp a stream decodes -> inverse DCT -> rows as
//   integers -> product with the inverse basis.

#include <cstddef>
#include <cstdint>

#include "ops/coding/transform_coding.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// Escaped coefficients of a stream that are listed as they are found; with more, it is searched.
inline constexpr int max_listed = 512;

// Rows of a product: patches of all images, then prefix tokens of all images.
struct TransformRows {
  std::int8_t* patch_planes;   // [2, images * patches, padded depth]
  std::int8_t* prefix_planes;  // [2, images * prefix, padded depth]
  float* patch_units;          // [images * patches]; 0: a value is not finite
  float* prefix_units;
};

struct TransformScratch {
  TransformRows rows;
  std::byte* values;        // a copy: they may be overwritten before their symbols are coded
  float* patches;           // [images, patches, components]
  float* prefix;            // [images, prefix, dim]
  float* planes;            // where shared memory is too small for the DCT; else null
  std::uint8_t* symbols;    // [images, symbol_bytes()]
  std::int32_t* quantized;  // [images, coded]: of those that are escaped
  std::uint32_t* unsound;   // [images]: it cannot be coded
  std::uint32_t* escapes;   // [images, streams]: how many were found
  std::uint32_t* listed;    // [images, streams, max_listed]
  std::uint32_t* escaped;   // [images, streams, each]: of a stream, in order
  std::uint32_t* open;      // the same: those with more digits
  std::uint8_t* digits;     // [images, streams, 6 each]
  std::uint32_t* states;    // [images, streams, 32]
  std::uint16_t* words;     // [images, streams, word_capacity], filled from the end
  std::uint32_t* counts;    // [images, streams]: words
  std::int64_t word_capacity;
  std::int64_t plain_bytes;  // of an image's part as ptq 8
  std::size_t bytes;
};

// memory: null to learn the size.
TransformScratch transform_scratch(const Queue& queue, const TransformCode& code,
                                   std::int64_t images, void* memory);

struct TransformCall {
  const TransformCode& code;
  const TransformScratch& scratch;
  int images;
};

void transform_rows(const Queue& queue, const TransformCall& call, ConstTensor values);
void transform_coefficient_rows(const Queue& queue, const TransformCall& call);
void transform_analyse(const Queue& queue, const TransformCall& call);
// Images whose part is ptq 8's are decoded here.
void transform_synthesise(const Queue& queue, const TransformCall& call, const std::byte* body,
                          Tensor values);
bool dct_in_shared_memory(const Queue& queue, const TransformCode& code);
void transform_quantize(const Queue& queue, const TransformCall& call);
void transform_planes(const Queue& queue, const TransformCall& call);
void transform_code_streams(const Queue& queue, const TransformCall& call);
void transform_decode_streams(const Queue& queue, const TransformCall& call, const std::byte* body);
void transform_join_parts(const Queue& queue, const TransformCall& call, DType dtype,
                          std::byte* body);

std::size_t transform_scratch_bytes(const Queue& queue, const TransformCode& code,
                                    std::int64_t images);
// In two halves each, so that entropy coding can run beside other work: of encode it is the second,
// of decode the first.
void transform_encode_values(const Queue& queue, ConstTensor values, const TransformCode& code,
                             void* scratch);
void transform_encode_symbols(const Queue& queue, ConstTensor values, const TransformCode& code,
                              void* scratch, std::byte* body);
void transform_decode_symbols(const Queue& queue, const std::byte* body, const TransformCode& code,
                              void* scratch, std::int64_t images);
void transform_decode_values(const Queue& queue, const std::byte* body, const TransformCode& code,
                             void* scratch, Tensor values);

}  // namespace quantring::cuda
