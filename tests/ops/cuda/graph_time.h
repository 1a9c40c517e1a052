#pragma once
// Timing of kernels in a CUDA graph of many launches.

#include <cuda_runtime.h>

#include <algorithm>
#include <vector>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/queue.h"

namespace quantring::test {

// Microseconds per launch, the median over runs of a graph of `launches`; launch(i) enqueues one.
template <class Launch>
double graph_microseconds(const cuda::Queue& queue, int launches, const Launch& launch) {
  constexpr int warm_up = 2, runs = 11;
  using cuda::check;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t program = nullptr;
  cudaEvent_t from = nullptr, to = nullptr;
  check(cudaStreamBeginCapture(queue.stream, cudaStreamCaptureModeThreadLocal), "begin capture");
  for (int i = 0; i < launches; ++i) launch(i);
  check(cudaStreamEndCapture(queue.stream, &graph), "end capture");
  check(cudaGraphInstantiate(&program, graph, 0), "cudaGraphInstantiate");
  check(cudaEventCreate(&from), "cudaEventCreate");
  check(cudaEventCreate(&to), "cudaEventCreate");
  std::vector<double> times;
  for (int run = 0; run < warm_up + runs; ++run) {
    check(cudaEventRecord(from, queue.stream), "cudaEventRecord");
    check(cudaGraphLaunch(program, queue.stream), "cudaGraphLaunch");
    check(cudaEventRecord(to, queue.stream), "cudaEventRecord");
    check(cudaEventSynchronize(to), "the kernels that are timed");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, from, to), "cudaEventElapsedTime");
    if (run >= warm_up) times.push_back(1000.0 * static_cast<double>(milliseconds) / launches);
  }
  check(cudaEventDestroy(from), "cudaEventDestroy");
  check(cudaEventDestroy(to), "cudaEventDestroy");
  check(cudaGraphExecDestroy(program), "cudaGraphExecDestroy");
  check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[runs / 2];
}

}  // namespace quantring::test
