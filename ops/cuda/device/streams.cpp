#include "ops/cuda/device/streams.h"

#include <chrono>
#include <thread>

#include "ops/cuda/device/error.h"

namespace quantring::cuda {
namespace {

// first: its kernels are started before those of others, as far as there is room.
Stream make_stream(bool first) {
  int least = 0, greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, first ? greatest : least),
        "cudaStreamCreate");
  return Stream(stream);
}

int attribute(cudaDeviceAttr name, int device) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, name, device), "cudaDeviceGetAttribute");
  return value;
}

}  // namespace

Event make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventBlockingSync | cudaEventDisableTiming),
        "cudaEventCreate");
  return Event(event);
}

Streams::Streams(int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
  ops_ = make_stream(false);
  in_ = make_stream(true);
  out_ = make_stream(true);
  copied_in_ = make_event();
  computed_ = make_event();
  queue_.stream = ops_.get();
  queue_.device = device;
  queue_.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, device);
  queue_.compute_capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) +
                              attribute(cudaDevAttrComputeCapabilityMinor, device);
  queue_.shared_bytes_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  queue_.l2_bytes = static_cast<std::size_t>(attribute(cudaDevAttrL2CacheSize, device));
  in_queue_ = out_queue_ = queue_;
  in_queue_.stream = in_.get();
  out_queue_.stream = out_.get();
}

void Streams::order(const Queue& earlier, const Queue& later, cudaEvent_t event) {
  check(cudaEventRecord(event, earlier.stream), "cudaEventRecord");
  check(cudaStreamWaitEvent(later.stream, event), "cudaStreamWaitEvent");
}

void Streams::copy_in(const void* source, std::size_t bytes, void* target) {
  if (source == target) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, in_.get()),
        "copying to the GPU");
  order(in_queue_, queue_, copied_in_.get());
}

void Streams::copy_out(const void* source, std::size_t bytes, void* target, cudaEvent_t arrived) {
  order(queue_, out_queue_, computed_.get());
  if (source != target)
    check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, out_.get()),
          "copying from the GPU");
  check(cudaEventRecord(arrived, out_.get()), "cudaEventRecord");
}

void wait(cudaEvent_t event) {
  using Clock = std::chrono::steady_clock;
  constexpr auto polling = std::chrono::microseconds(500);
  const auto start = Clock::now();
  while (Clock::now() - start < polling) {
    const cudaError_t state = cudaEventQuery(event);
    if (state == cudaSuccess) return;
    if (state != cudaErrorNotReady) fail(state, "the work on the GPU");
    std::this_thread::yield();
  }
  check(cudaEventSynchronize(event), "the work on the GPU");
}

}  // namespace quantring::cuda
