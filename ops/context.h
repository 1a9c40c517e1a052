#pragma once
// Where ops run: the device and what it needs (on the CPU: a pool of threads). Every op takes one
// first.

#include <cstddef>
#include <memory>

namespace quantring {

class ThreadPool;  // ops/cpu/thread_pool.h

class Context {
 public:
  // threads: worker threads of the CPU backend, the caller's included; at least 1. Results do not
  // depend on it: work is split at fixed places, not by the number of threads.
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
