#include "ops/context.h"

#include <string>

#include "ops/backend.h"
#include "ops/base/error.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

std::unique_ptr<Backend> make_backend(const ContextOptions& options, ThreadPool& pool) {
  if (options.device.kind == Device::Kind::cpu) {
    if (options.precision != Precision::f32) throw Error("the CPU computes in f32 only");
    return cpu::make_backend(pool);
  }
#ifdef QUANTRING_CUDA
  return cuda::make_backend(options);
#else
  throw Error("this build has no CUDA: use --device cpu, or build with the preset cuda or jetson");
#endif
}

}  // namespace

std::string precision_text(Precision precision) {
  switch (precision) {
    case Precision::f16:
      return "f16";
    case Precision::bf16:
      return "bf16";
    case Precision::f32:
      break;
  }
  return "f32";
}

DType dtype_of(Precision precision) {
  switch (precision) {
    case Precision::f16:
      return DType::f16;
    case Precision::bf16:
      return DType::bf16;
    case Precision::f32:
      break;
  }
  return DType::f32;
}

Context::Context(const ContextOptions& options) : options_(options) {
  if (options.threads < 1 || options.threads > ThreadPool::max_threads) {
    throw Error("threads is " + std::to_string(options.threads) + ", must be 1 to " +
                std::to_string(ThreadPool::max_threads));
  }
  pool_ = std::make_unique<ThreadPool>(options.threads);
  backend_ = make_backend(options, *pool_);
}

Context::Context(int threads) : Context(ContextOptions{{}, threads, Precision::f32, false}) {}

Context::~Context() = default;

DType Context::activation_dtype() const {
  return dtype_of(options_.precision);
}

DType Context::residual_dtype() const {
  return options_.residual_f32 ? DType::f32 : activation_dtype();
}

bool Context::asynchronous() const {
  return options_.device.kind != Device::Kind::cpu;
}

bool Context::shares_host_memory() const {
  return backend_->shares_host_memory();
}

Buffer::Buffer(Context& context, std::size_t bytes) : bytes_(bytes) {
  data_ = std::unique_ptr<void, Free>(context.backend().allocate(bytes), Free{&context.backend()});
}

void Buffer::Free::operator()(void* memory) const {
  backend->release(memory);
}

}  // namespace quantring
