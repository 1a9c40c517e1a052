// The CPU as a device of ops/backend.h: ops are done when they return, on the caller's thread and
// those of the pool, and device memory is host memory.

#include "ops/backend.h"

#include <cstring>

#include "ops/cpu/attention.h"
#include "ops/cpu/coding/coding.h"
#include "ops/cpu/embed.h"
#include "ops/cpu/layer_norm.h"
#include "ops/cpu/linear.h"
#include "ops/cpu/memory.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(ThreadPool& pool) : pool_(pool) {}

  void* allocate(std::size_t bytes) override { return allocate_aligned(bytes); }
  void release(void* memory) noexcept override { release_aligned(memory); }
  void* allocate_host(std::size_t bytes) override { return allocate_aligned(bytes); }
  void release_host(void* memory) noexcept override { release_aligned(memory); }
  bool shares_host_memory() const override { return true; }

  // Copies and ops are done when they return: there is nothing to wait for.
  void* make_event() override { return nullptr; }
  void release_event(void*) noexcept override {}
  void wait(void*) override {}
  void copy_in(const void* source, std::size_t bytes, void* target) override {
    if (source != target) std::memcpy(target, source, bytes);
  }
  void copy_out(const void* source, std::size_t bytes, void* target, void*) override {
    if (source != target) std::memcpy(target, source, bytes);
  }
  void upload(const void* source, std::size_t bytes, void* target) override {
    std::memcpy(target, source, bytes);
  }
  void download(const void* source, std::size_t bytes, void* target) override {
    std::memcpy(target, source, bytes);
  }

  void run(std::unique_ptr<RecordedGraph>&, const std::function<void()>& body) override { body(); }

  std::unique_ptr<LinearWeights> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                      InputNorm) override {
    return std::make_unique<PackedLinear>(pool_, weight, bias, scale);
  }
  void linear(ConstTensor x, std::int64_t rows, const Linear& layer, Activation activation,
              Tensor y) override {
    cpu::linear(pool_, x.f32(), rows, layer, activation, y.f32());
  }
  void linear_add(ConstTensor x, std::int64_t rows, const Linear& layer, Tensor y) override {
    cpu::linear_add(pool_, x.f32(), rows, layer, y.f32());
  }

  std::size_t residual_scratch_bytes(std::int64_t, std::int64_t) const override { return 0; }
  void norm_linear(const Residual& x, std::int64_t rows, const NormLinear& layer, Tensor normed,
                   Tensor y) override {
    const ConstTensor gamma = layer.gamma(), beta = layer.beta();
    cpu::layer_norm(pool_, x.tensor().f32(), gamma.f32(), beta.f32(), layer.eps(), rows,
                    layer.linear().in(), normed.f32());
    cpu::linear(pool_, normed.f32(), rows, layer.linear(), layer.activation(), y.f32());
  }
  void linear_residual(ConstTensor h, std::int64_t rows, const Linear& layer,
                       Residual& x) override {
    cpu::linear_add(pool_, h.f32(), rows, layer, x.tensor().f32());
  }

  void layer_norm(ConstTensor x, NormWeights norm, float eps, std::int64_t rows, std::int64_t dim,
                  Tensor y) override {
    cpu::layer_norm(pool_, x.f32(), norm.gamma, norm.beta, eps, rows, dim, y.f32());
  }

  std::size_t attention_scratch_bytes(AttentionShape shape) const override {
    return static_cast<std::size_t>(pool_.threads()) *
           cpu::attention_scratch_bytes(shape.tokens, shape.dim, shape.heads);
  }
  void attention(ConstTensor qkv, AttentionShape shape, void* scratch, Tensor out) override {
    cpu::attention(pool_, qkv.f32(), shape, static_cast<float*>(scratch), out.f32());
  }
  void qk_norm(Tensor qkv, std::int64_t rows, std::int64_t dim, std::int64_t heads, NormWeights q,
               NormWeights k, float eps) override {
    cpu::qk_norm(pool_, qkv.f32(), rows, dim, heads, q, k, eps);
  }

  void extract_patches(ConstTensor pixels, PatchShape shape, std::span<const float> mean,
                       std::span<const float> std, Tensor patches) override {
    if (pixels.dtype == DType::f32) {
      cpu::extract_patches(pool_, pixels.f32(), shape, patches.f32());
    } else {
      cpu::extract_patches(pool_, static_cast<const std::uint8_t*>(pixels.data), shape, mean, std,
                           patches.f32());
    }
  }
  void assemble_tokens(ConstTensor embedded, ConstTensor prefix_tokens, ConstTensor position,
                       TokenShape shape, Tensor tokens) override {
    cpu::assemble_tokens(pool_, embedded.f32(), prefix_tokens.f32(), position.f32(), shape,
                         tokens.f32());
  }
  void pool_token(ConstTensor tokens, TokenShape shape, Tensor pooled) override {
    cpu::pool_token(tokens.f32(), shape, pooled.f32());
  }
  void pool_average(ConstTensor tokens, TokenShape shape, Tensor pooled) override {
    cpu::pool_average(pool_, tokens.f32(), shape, pooled.f32());
  }

  std::size_t quantize_scratch_bytes(std::int64_t, std::int64_t) const override { return 0; }
  void quantize(ConstTensor values, Clip clip, int bits, void*, GridRange* ranges,
                std::byte* codes) override {
    cpu::quantize(pool_, values, clip, bits, ranges, codes);
  }
  void dequantize(const GridRange* ranges, const std::byte* codes, int bits,
                  Tensor values) override {
    cpu::dequantize(pool_, ranges, codes, bits, values);
  }
  void convert(ConstTensor source, Tensor target) override { cpu::convert(source, target); }

 private:
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<Backend> make_backend(ThreadPool& pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace quantring::cpu
