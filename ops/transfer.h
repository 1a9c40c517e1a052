#pragma once
// Bytes between the host and a context's device. On the CPU these are plain copies; on a GPU they
// run beside the ops, on streams of their own, so that copies overlap compute.

#include <cstddef>
#include <memory>
#include <span>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// Memory of the host that the device can copy from and to by itself (page-locked for a GPU).
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  PinnedBuffer(Context& context, std::size_t bytes);
  std::byte* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    Backend* backend;
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> data_{nullptr, Free{nullptr}};
  std::size_t bytes_ = 0;
};

// A moment in a context's work that the host can wait for. Made once, used again and again.
class Event {
 public:
  Event() = default;
  explicit Event(Context& context);
  // Until what copy_out(..., *this) was last given has arrived; at once if it never was.
  void wait() const;
  void* handle() const { return handle_.get(); }

 private:
  struct Free {
    Backend* backend;
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Free> handle_{nullptr, Free{nullptr}};
};

// Copies the first `bytes` of `source` to device memory (which may be the source itself where the
// device shares host memory: then nothing is copied, as in copy_out). Ops called later see them;
// ops called earlier may still be running, so `target` must be memory that none of those uses. The
// source must stay as it is until a later copy_out has arrived.
void copy_in(Context& context, const PinnedBuffer& source, std::size_t bytes, void* target);

// Copies `bytes` that earlier ops wrote to the host; `arrived` tells when they are there. Ops
// called later wait for nothing: they must not write to `source` before that.
void copy_out(Context& context, const void* source, std::size_t bytes, PinnedBuffer& target,
              Event& arrived);

// For setting up and for tests: any host memory, and the host waits until it is done.
void upload(Context& context, std::span<const std::byte> source, void* target);
void download(Context& context, const void* source, std::span<std::byte> target);

}  // namespace quantring
