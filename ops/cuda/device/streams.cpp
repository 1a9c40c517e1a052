#include "ops/cuda/device/streams.h"

#include <chrono>
#include <thread>

#include "ops/cuda/device/error.h"

namespace quantring::cuda {
namespace {

Stream make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
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
  ops_ = make_stream();
  in_ = make_stream();
  out_ = make_stream();
  copied_in_ = make_event();
  computed_ = make_event();
  queue_.stream = ops_.get();
  queue_.device = device;
  queue_.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, device);
  queue_.compute_capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) +
                              attribute(cudaDevAttrComputeCapabilityMinor, device);
  queue_.shared_bytes_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  queue_.l2_bytes = static_cast<std::size_t>(attribute(cudaDevAttrL2CacheSize, device));
}

void Streams::copy_in(const void* source, std::size_t bytes, void* target) {
  if (source == target) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, in_.get()),
        "copying to the GPU");
  check(cudaEventRecord(copied_in_.get(), in_.get()), "cudaEventRecord");
  check(cudaStreamWaitEvent(ops_.get(), copied_in_.get()), "cudaStreamWaitEvent");
}

void Streams::copy_out(const void* source, std::size_t bytes, void* target, cudaEvent_t arrived) {
  if (source == target) {
    check(cudaEventRecord(arrived, ops_.get()), "cudaEventRecord");
    return;
  }
  check(cudaEventRecord(computed_.get(), ops_.get()), "cudaEventRecord");
  check(cudaStreamWaitEvent(out_.get(), computed_.get()), "cudaStreamWaitEvent");
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
