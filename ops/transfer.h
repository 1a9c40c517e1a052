#pragma once
// Copies between the host and a context's device. On the CPU these are plain copies; on a GPU they
// run on streams of their own, so that they overlap with ops.

#include <cstddef>
#include <memory>
#include <span>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// Host memory that the device can copy from and to asynchronously (page-locked for a GPU).
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

// Something that the host can wait for: the end of a copy_out. Created once, reused.
class Event {
 public:
  Event() = default;
  explicit Event(Context& context);
  // Waits for the last copy_out(..., *this); returns at once if there was none.
  void wait() const;
  void* handle() const { return handle_.get(); }

 private:
  struct Free {
    Backend* backend;
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Free> handle_{nullptr, Free{nullptr}};
};

// Copies the first `bytes` of `source` to device memory (which may be the source itself if the
// device shares host memory: then nothing is copied, as in copy_out). Ops called later see them;
// ops called earlier may still be running, so none of them may use `target`. The source must not
// change until a later copy_out has arrived.
void copy_in(Context& context, const PinnedBuffer& source, std::size_t bytes, void* target);

// Copies `bytes` that earlier ops wrote to the host; `arrived` signals the end of the copy. Later
// ops do not wait for it: they must not write to `source` before.
void copy_out(Context& context, const void* source, std::size_t bytes, PinnedBuffer& target,
              Event& arrived);

// For initialisation and tests: any host memory; returns when the copy is done.
void upload(Context& context, std::span<const std::byte> source, void* target);
void download(Context& context, const void* source, std::span<std::byte> target);

}  // namespace quantring
