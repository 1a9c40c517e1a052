#pragma once
// Where ops run: the device and what it needs (on the CPU: a pool of threads). Every op takes one
// first.

#include <cstddef>
#include <memory>

namespace quantring {

class ThreadPool;  // ops/cpu/thread_pool.h

class Context {
 public:
  // threads: worker threads of the CPU backend, the caller's included; 1 to 1024, else throws
  // Error. Results do not depend on it, nor on how many images are in a batch: every value is
  // computed in the same order wherever the work is cut. They do depend on the CPU's instruction
  // set, in the last bits. One thread at a time may use a context.
  explicit Context(int threads = 1);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  int threads() const;
  ThreadPool& pool() { return *pool_; }

 private:
  std::unique_ptr<ThreadPool> pool_;
};

// Memory for tensors of one context, 64-byte aligned, zeroed. Empty when default-constructed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context& context, std::size_t bytes);
  void* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace quantring
