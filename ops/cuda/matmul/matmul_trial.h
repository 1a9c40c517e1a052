#pragma once
// Trying ways to compute one matrix product: on values of chance, with memory of its own, so that
// what the call works on stays as it is.

#include <functional>
#include <memory>
#include <vector>

#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/device/memory.h"
#include "ops/cuda/device/streams.h"

namespace quantring::cuda {

class MatmulTrial {
 public:
  // Enqueues a call like the one given, on other memory.
  using Way = std::function<void(const MatmulCall&)>;

  // Writes what the call is going to write in any case: `normed`, and y unless it accumulates.
  // Throws Error if there is no memory.
  MatmulTrial(const Queue& queue, const MatmulCall& call);

  // Whether the way computes the product.
  bool computes(const Way& way);

  // Of one call that the host starts, which takes a few microseconds itself.
  double microseconds(const Way& way);

  // Calls one after the other as in a recorded program, with weights that take turns, so that a
  // small batch is timed as in a network, whose weights do not stay in L2. As many calls as take
  // `wanted` microseconds if one takes `each`, within limits. Between any two stands a short kernel
  // of ours, as in a network, so that it counts how well a way's kernels overlap with others.
  struct Recording {
    std::unique_ptr<RecordedGraph> program;
    int calls = 0;
  };
  Recording record(const Way& way, double wanted, double each);
  double microseconds(Recording& recording);  // that a call adds

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
