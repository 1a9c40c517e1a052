#pragma once
// The streams of one context: one for ops, one for copies to the device and one for copies from it,
// and the events that order them. Entropy coding, which occupies few multiprocessors for long, runs
// in the streams of the copies, beside the ops of other micro-batches.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>

#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

struct DestroyStream {
  void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
};
struct DestroyEvent {
  void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
};
using Stream = std::unique_ptr<CUstream_st, DestroyStream>;
using Event = std::unique_ptr<CUevent_st, DestroyEvent>;

Event make_event();

class Streams {
 public:
  // On GPU `device`, which becomes the calling thread's current device.
  explicit Streams(int device);

  const Queue& ops() const { return queue_; }
  const Queue& before_ops() const { return in_queue_; }
  const Queue& behind_ops() const { return out_queue_; }

  // Semantics as in ops/transfer.h; source or target on the host must be page-locked.
  void copy_in(const void* source, std::size_t bytes, void* target);
  void copy_out(const void* source, std::size_t bytes, void* target, cudaEvent_t arrived);

  // What is enqueued in `later` from here on waits for all that is in `earlier` now.
  void order(const Queue& earlier, const Queue& later, cudaEvent_t event);

 private:
  Stream ops_, in_, out_;
  Event copied_in_, computed_;
  Queue queue_, in_queue_, out_queue_;
};

// Waits for the event; returns at once if it was never recorded. Polls briefly before it sleeps:
// small stages finish faster than a thread wakes up.
void wait(cudaEvent_t event);

}  // namespace quantring::cuda
