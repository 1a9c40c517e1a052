#pragma once
// The device and precision that ops run with. The first argument of every op.

#include <cstddef>
#include <memory>
#include <string>

#include "ops/device.h"
#include "ops/tensor.h"

namespace quantring {

class Backend;     // ops/backend.h
class ThreadPool;  // ops/cpu/thread_pool.h

// Of weights and activations. Sums are always f32.
enum class Precision : std::uint8_t { f32, f16, bf16 };
DType dtype_of(Precision precision);
std::string precision_text(Precision precision);  // "f16"

struct ContextOptions {
  Device device;
  int threads = 1;  // worker threads of the CPU backend, the caller's included; 1 to 1024
  Precision precision = Precision::f32;  // the CPU knows f32 only
  bool residual_f32 = false;             // keep the residual stream in f32 at a lower precision
};

class Context {
 public:
  // Throws Error for a wrong number of threads, a precision that the device does not support, or a
  // device that cannot be used.
  //
  // Results on the CPU do not depend on the number of threads or images: every value is computed in
  // the same order however the work is divided. They depend on the CPU's instruction set in the
  // last bits. One thread at a time may use a context.
  explicit Context(const ContextOptions& options);
  explicit Context(int threads = 1);  // the CPU
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const { return options_.device; }
  int threads() const { return options_.threads; }
  DType activation_dtype() const;   // of the tensors between ops
  DType residual_dtype() const;     // of the residual stream
  bool asynchronous() const;        // ops and copies return before they are done
  bool shares_host_memory() const;  // the device can use host memory directly

  ThreadPool& pool() { return *pool_; }
  Backend& backend() { return *backend_; }
  const Backend& backend() const { return *backend_; }

 private:
  ContextOptions options_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Backend> backend_;
};

// Memory of a context's device for tensors, aligned to at least 64 bytes, zeroed. Empty when
// default-constructed. Only the CPU's may be accessed by the host: for others see
// ops/transfer.h. Throws Error if there is not enough. The context must outlive it.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context& context, std::size_t bytes);
  void* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    Backend* backend;
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> data_{nullptr, Free{nullptr}};
  std::size_t bytes_ = 0;
};

}  // namespace quantring
