// A GPU as a device of ops/backend.h: ops are enqueued on one stream and return at once.

#include "ops/backend.h"

#include <stdexcept>

#include "ops/context.h"
#include "ops/cuda/attention/attention.h"
#include "ops/cuda/coding/coding.h"
#include "ops/cuda/device/error.h"
#include "ops/cuda/device/graph.h"
#include "ops/cuda/device/memory.h"
#include "ops/cuda/device/streams.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/matmul/pack.h"
#include "ops/cuda/transform/transform.h"

namespace quantring::cuda {
namespace {

class CudaBackend : public Backend {
 public:
  explicit CudaBackend(const ContextOptions& options)
      : device_(options.device.index),
        dtype_(dtype_of(options.precision)),
        residual_f32_(options.residual_f32),
        streams_(device_),
        queue_(streams_.ops()),
        matmul_(queue_) {
    int integrated = 0;
    check(cudaDeviceGetAttribute(&integrated, cudaDevAttrIntegrated, device_),
          "cudaDeviceGetAttribute");
    integrated_ = integrated != 0;
  }

  ~CudaBackend() override { cudaStreamSynchronize(queue_.stream); }

  void* allocate(std::size_t bytes) override {
    use();
    return cuda::allocate(bytes);
  }
  void release(void* memory) noexcept override { cuda::release(memory); }

  void* allocate_host(std::size_t bytes) override {
    use();
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    const cudaError_t error = cudaMallocHost(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw Error("out of page-locked memory: " + std::to_string(bytes / 1000) +
                  " kB more are needed: use a smaller batch");
    }
    check(error, "cudaMallocHost");
    return memory;
  }
  void release_host(void* memory) noexcept override {
    if (memory != nullptr) cudaFreeHost(memory);
  }

  // A Jetson's GPU uses the same memory as its CPU.
  bool shares_host_memory() const override { return integrated_; }

  void* make_event() override {
    use();
    return cuda::make_event().release();
  }
  void release_event(void* event) noexcept override {
    if (event != nullptr) cudaEventDestroy(static_cast<cudaEvent_t>(event));
  }
  void wait(void* event) override {
    use();
    cuda::wait(static_cast<cudaEvent_t>(event));
  }
  void copy_in(const void* source, std::size_t bytes, void* target) override {
    use();
    streams_.copy_in(source, bytes, target);
  }
  void copy_out(const void* source, std::size_t bytes, void* target, void* event) override {
    use();
    streams_.copy_out(source, bytes, target, static_cast<cudaEvent_t>(event));
  }
  void upload(const void* source, std::size_t bytes, void* target) override {
    copy_and_wait(source, bytes, target, cudaMemcpyHostToDevice);
  }
  void download(const void* source, std::size_t bytes, void* target) override {
    copy_and_wait(source, bytes, target, cudaMemcpyDeviceToHost);
  }

  void run(std::unique_ptr<RecordedGraph>& recorded, const std::function<void()>& body) override {
    use();
    run_recorded(queue_, recorded, body);
  }

  std::unique_ptr<LinearWeights> pack(ConstTensor weight, ConstTensor bias, ConstTensor scale,
                                      InputNorm norm) override {
    use();
    return cuda::pack(weight, bias, scale, norm, dtype_);
  }
  void linear(ConstTensor x, std::int64_t rows, const Linear& layer, Activation activation,
              Tensor y) override {
    MatmulCall call = product(x, rows, layer.weights(), y);
    if (call.layer->folded()) throw std::invalid_argument("linear: this layer's norm is folded");
    call.activation = activation;
    multiply(call);
  }
  void linear_add(ConstTensor x, std::int64_t rows, const Linear& layer, Tensor y) override {
    MatmulCall call = product(x, rows, layer.weights(), y);
    call.accumulate = true;
    multiply(call);
  }

  // Row sums, for streams of 16 bits only: an f32 stream is added to in memory, where no kernel
  // sees the result.
  std::size_t residual_scratch_bytes(std::int64_t rows, std::int64_t dim) const override {
    if (queue_.compute_capability < 90 || dtype_ == DType::f32 || residual_f32_) return 0;
    return static_cast<std::size_t>(rows * max_sum_parts(dim)) * sizeof(float2);
  }
  void norm_linear(const Residual& x, std::int64_t rows, const NormLinear& layer, Tensor normed,
                   Tensor y) override {
    MatmulCall call = product(x.tensor(), rows, layer.linear().weights(), y);
    call.activation = layer.activation();
    call.norm = true;
    if (!call.layer->folded()) {
      call.gamma = layer.gamma().tensor().f32();
      call.beta = layer.beta().tensor().f32();
    }
    call.eps = layer.eps();
    if (x.sum_parts() > 0) {
      call.sums = static_cast<float2*>(x.scratch());
      call.parts = x.sum_parts();
    }
    call.normed = normed.data;
    multiply(call);
  }
  void linear_residual(ConstTensor h, std::int64_t rows, const Linear& layer,
                       Residual& x) override {
    MatmulCall call = product(h, rows, layer.weights(), x.tensor());
    call.accumulate = true;
    MatmulCall reader;
    if (layer.reader().weights != nullptr) {
      call.sums = static_cast<float2*>(x.scratch());
      reader = product(x.tensor(), rows, layer.reader().weights, {nullptr, dtype_, {}});
      reader.norm = true;
      reader.activation = layer.reader().activation;
      call.reader = &reader;
    }
    x.set_sum_parts(multiply(call));
  }

  void layer_norm(ConstTensor x, NormWeights norm, float eps, std::int64_t rows, std::int64_t dim,
                  Tensor y) override {
    use();
    cuda::layer_norm(queue_, x.data, x.dtype, norm, eps, rows, dim, y.data, y.dtype);
  }

  std::size_t attention_scratch_bytes(AttentionShape shape) const override {
    return cuda::attention_scratch_bytes(queue_, shape, dtype_);
  }
  void attention(ConstTensor qkv, AttentionShape shape, void* scratch, Tensor out) override {
    use();
    cuda::attention(queue_, qkv.data, qkv.dtype, shape, scratch, out.data);
  }
  void qk_norm(Tensor qkv, std::int64_t rows, std::int64_t dim, std::int64_t heads, NormWeights q,
               NormWeights k, float eps) override {
    use();
    cuda::qk_norm(queue_, qkv.data, qkv.dtype, rows, dim, heads, q, k, eps);
  }

  void extract_patches(ConstTensor pixels, PatchShape shape, std::span<const float> mean,
                       std::span<const float> std, Tensor patches) override {
    use();
    cuda::extract_patches(queue_, pixels.data, pixels.dtype, shape, mean, std, patches.data,
                          patches.dtype);
  }
  void assemble_tokens(ConstTensor embedded, ConstTensor prefix_tokens, ConstTensor position,
                       TokenShape shape, Tensor tokens) override {
    use();
    cuda::assemble_tokens(queue_, embedded.data, embedded.dtype, prefix_tokens.f32(),
                          position.f32(), shape, tokens.data, tokens.dtype);
  }
  void pool_token(ConstTensor tokens, TokenShape shape, Tensor pooled) override {
    use();
    cuda::pool_token(queue_, tokens.data, shape, pooled.data, pooled.dtype);
  }
  void pool_average(ConstTensor tokens, TokenShape shape, Tensor pooled) override {
    use();
    cuda::pool_average(queue_, tokens.data, shape, pooled.data, pooled.dtype);
  }

  std::size_t quantize_scratch_bytes(std::int64_t images, std::int64_t each) const override {
    return cuda::quantize_scratch_bytes(queue_, images, each);
  }
  void quantize(ConstTensor values, Clip clip, int bits, void* scratch, GridRange* ranges,
                std::byte* codes) override {
    use();
    cuda::quantize(queue_, values, clip, bits, scratch, ranges, codes);
  }
  void dequantize(const GridRange* ranges, const std::byte* codes, int bits,
                  Tensor values) override {
    use();
    cuda::dequantize(queue_, ranges, codes, bits, values);
  }
  void convert(ConstTensor source, Tensor target) override {
    use();
    cuda::convert(queue_, source, target);
  }

  std::size_t transform_scratch_bytes(const TransformCode& code,
                                      std::int64_t images) const override {
    return cuda::transform_scratch_bytes(queue_, code, images);
  }
  // Entropy coding runs in the streams of the copies. Its memory is used again by the next call,
  // whose other half waits for it; so do the copies of copy_and_wait().
  void transform_encode(ConstTensor values, const TransformCode& code, void* scratch,
                        std::byte* body) override {
    use();
    const Queue& behind = streams_.behind_ops();
    streams_.order(behind, queue_, coded_.get());
    cuda::transform_encode_values(queue_, values, code, scratch);
    streams_.order(queue_, behind, coded_.get());
    cuda::transform_encode_symbols(behind, values, code, scratch, body);
  }
  void transform_decode(const std::byte* body, const TransformCode& code, void* scratch,
                        Tensor values) override {
    use();
    const Queue& before = streams_.before_ops();
    check(cudaStreamWaitEvent(before.stream, decoded_.get()), "cudaStreamWaitEvent");
    cuda::transform_decode_symbols(before, body, code, scratch, values.shape[0]);
    streams_.order(before, queue_, symbols_.get());
    cuda::transform_decode_values(queue_, body, code, scratch, values);
    check(cudaEventRecord(decoded_.get(), queue_.stream), "cudaEventRecord");
  }

 private:
  // CUDA's current device is per thread, and several threads may use a context in turn.
  void use() { check(cudaSetDevice(device_), "cudaSetDevice"); }

  void copy_and_wait(const void* source, std::size_t bytes, void* target, cudaMemcpyKind kind) {
    use();
    streams_.order(streams_.behind_ops(), queue_, coded_.get());
    check(cudaMemcpyAsync(target, source, bytes, kind, queue_.stream), "cudaMemcpyAsync");
    check(cudaStreamSynchronize(queue_.stream), "the work on the GPU");
  }

  static MatmulCall product(const ConstTensor& x, std::int64_t rows, const LinearWeights* layer,
                            const Tensor& y) {
    MatmulCall call;
    call.x = x.data;
    call.x_dtype = x.dtype;
    call.rows = rows;
    call.layer = static_cast<const DeviceLinear*>(layer);
    call.y = y.data;
    call.y_dtype = y.dtype;
    return call;
  }
  int multiply(const MatmulCall& call) {
    use();
    return call.rows > 0 ? matmul_.run(call) : 0;
  }

  int device_;
  DType dtype_;
  bool residual_f32_;
  bool integrated_ = false;
  Streams streams_;
  cuda::Event coded_ = cuda::make_event(), symbols_ = cuda::make_event(),
              decoded_ = cuda::make_event();
  const Queue& queue_;
  Matmul matmul_;
};

}  // namespace

std::unique_ptr<Backend> make_backend(const ContextOptions& options) {
  return std::make_unique<CudaBackend>(options);
}

}  // namespace quantring::cuda
