#pragma once
// Checks and times candidates for one matrix product, on synthetic values in memory of its own, so
// that the operands of the call stay unchanged.

#include <functional>
#include <memory>
#include <vector>

#include "ops/cuda/device/memory.h"
#include "ops/cuda/device/streams.h"
#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

class MatmulMeasurement {
 public:
  // Enqueues a call like the one given, on other memory.
  using Candidate = std::function<void(const MatmulCall&)>;

  // Overwrites what the call overwrites in any case: `normed`, and y unless it accumulates. Throws
  // Error if there is no memory.
  MatmulMeasurement(const Queue& queue, const MatmulCall& call);

  // Whether the candidate computes the product.
  bool correct(const Candidate& candidate);

  // Of one call launched by the host, its launch overhead of a few microseconds included.
  double microseconds(const Candidate& candidate);

  // A graph of consecutive calls. Copies of the weights take turns, so that a small batch is timed
  // as in a network, whose weights do not stay in L2. Between two calls runs a short kernel of
  // ours, as in a network, so that a candidate's overlap with its neighbours counts. As many calls
  // as take `total` microseconds at `each`, within limits.
  struct Recording {
    std::unique_ptr<RecordedGraph> graph;
    int calls = 0;
  };
  Recording record(const Candidate& candidate, double total, double each);
  double microseconds(Recording& recording);  // per call, without the neighbour kernel

 private:
  double timed(const std::function<void()>& body);
  double replay(Recording& recording);
  void copy_layer();
  void neighbour();
  void time_neighbour();

  const Queue& queue_;
  MatmulCall call_;
  DeviceMemory<> x_, y_;
  DeviceMemory<float2> sums_;
  DeviceMemory<unsigned> wrong_;
  DeviceMemory<float> neighbour_;
  double neighbour_time_ = 0;
  std::vector<std::unique_ptr<DeviceLinear>> copies_;
  Event begin_, end_;
};

}  // namespace quantring::cuda
