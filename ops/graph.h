#pragma once
// A sequence of ops that is run repeatedly on the same memory, such as a stage's forward pass for
// one batch size. A GPU records it as a CUDA graph and replays it with one call.

#include <functional>
#include <memory>

#include "ops/context.h"

namespace quantring {

class RecordedGraph;  // ops/backend.h

class Graph {
 public:
  Graph();
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  // Calls `body`, or replays its recording from an earlier call. So body must call the same ops on
  // the same memory every time, and must not copy or wait. The first call may take long, since ops
  // choose their kernels then.
  void run(Context& context, const std::function<void()>& body);

 private:
  std::unique_ptr<RecordedGraph> recorded_;
};

}  // namespace quantring
