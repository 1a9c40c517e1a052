#pragma once
// The interface of a device. Only the ops of this folder call it, after checking their arguments;
// arguments and results are those of the op's own header.

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "ops/coding/coding.h"
#include "ops/linear.h"
#include "ops/residual.h"
#include "ops/tensor.h"

namespace quantring {

struct TransformCode;  // ops/coding/transform_coding.h

// A linear layer's weights in a device's own layout.
class LinearWeights {
 public:
  virtual ~LinearWeights() = default;
};

// What a device has recorded of a Graph.
class RecordedGraph {
 public:
  virtual ~RecordedGraph() = default;
};

// Checked shapes.
struct PatchShape {
  std::int64_t images, channels, height, width, patch_h, patch_w;
};
struct TokenShape {
  std::int64_t images, prefix, tokens, dim;  // tokens: the prefix included
};
struct AttentionShape {
  std::int64_t images, tokens, dim, heads;
};
struct NormWeights {
  const float *gamma, *beta;
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Memory. allocate: zeroed; throws Error with the sizes if there is not enough.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  virtual void* allocate_host(std::size_t bytes) = 0;
  virtual void release_host(void* memory) noexcept = 0;
  virtual bool shares_host_memory() const = 0;  // ops can use what allocate_host returns

  // ops/transfer.h
  virtual void* make_event() = 0;
  virtual void release_event(void* event) noexcept = 0;
  virtual void wait(void* event) = 0;
  virtual void copy_in(const void* source, std::size_t bytes, void* target) = 0;
  virtual void copy_out(const void* source, std::size_t bytes, void* target, void* event) = 0;
  virtual void upload(const void* source, std::size_t bytes, void* target) = 0;
  virtual void download(const void* source, std::size_t bytes, void* target) = 0;

  // ops/graph.h; `recorded` belongs to the backend and is empty at first
  virtual void run(std::unique_ptr<RecordedGraph>& recorded, const std::function<void()>& body) = 0;

  // ops/linear.h
  virtual std::unique_ptr<LinearWeights> pack(ConstTensor weight, ConstTensor bias,
                                              ConstTensor scale, InputNorm norm) = 0;
  virtual void linear(ConstTensor x, std::int64_t rows, const Linear& layer, Activation activation,
                      Tensor y) = 0;
  virtual void linear_add(ConstTensor x, std::int64_t rows, const Linear& layer, Tensor y) = 0;

  // ops/residual.h
  virtual std::size_t residual_scratch_bytes(std::int64_t rows, std::int64_t dim) const = 0;
  virtual void norm_linear(const Residual& x, std::int64_t rows, const NormLinear& layer,
                           Tensor normed, Tensor y) = 0;
  virtual void linear_residual(ConstTensor h, std::int64_t rows, const Linear& layer,
                               Residual& x) = 0;

  // ops/layer_norm.h
  virtual void layer_norm(ConstTensor x, NormWeights norm, float eps, std::int64_t rows,
                          std::int64_t dim, Tensor y) = 0;

  // ops/attention.h
  virtual std::size_t attention_scratch_bytes(AttentionShape shape) const = 0;
  virtual void attention(ConstTensor qkv, AttentionShape shape, void* scratch, Tensor out) = 0;
  virtual void qk_norm(Tensor qkv, std::int64_t rows, std::int64_t dim, std::int64_t heads,
                       NormWeights q, NormWeights k, float eps) = 0;

  // ops/embed.h
  virtual void extract_patches(ConstTensor pixels, PatchShape shape, std::span<const float> mean,
                               std::span<const float> std, Tensor patches) = 0;
  virtual void assemble_tokens(ConstTensor embedded, ConstTensor prefix_tokens,
                               ConstTensor position, TokenShape shape, Tensor tokens) = 0;
  virtual void pool_token(ConstTensor tokens, TokenShape shape, Tensor pooled) = 0;
  virtual void pool_average(ConstTensor tokens, TokenShape shape, Tensor pooled) = 0;

  // ops/coding/coding.h
  virtual std::size_t quantize_scratch_bytes(std::int64_t images, std::int64_t each) const = 0;
  virtual void quantize(ConstTensor values, Clip clip, int bits, void* scratch, GridRange* ranges,
                        std::byte* codes) = 0;
  virtual void dequantize(const GridRange* ranges, const std::byte* codes, int bits,
                          Tensor values) = 0;
  virtual void convert(ConstTensor source, Tensor target) = 0;

  // ops/coding/transform_coding.h; a GPU's only
  virtual std::size_t transform_scratch_bytes(const TransformCode& code, std::int64_t images) const;
  virtual void transform_encode(ConstTensor values, const TransformCode& code, void* scratch,
                                std::byte* body);
  virtual void transform_decode(const std::byte* body, const TransformCode& code, void* scratch,
                                Tensor values);
};

namespace cpu {
std::unique_ptr<Backend> make_backend(ThreadPool& pool);
}
namespace cuda {
// Defined only in builds with CUDA. Throws Error.
std::unique_ptr<Backend> make_backend(const ContextOptions& options);
// Empty if GPU `index` can be used; else the reason in one line.
std::string why_unusable(int index);
std::string device_name(int index);
std::uint64_t bytes_in_use(int index);  // of its memory, by all processes
}  // namespace cuda

}  // namespace quantring
