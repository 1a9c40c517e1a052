#pragma once
// A sequence of ops that is run again and again over the same memory, as a stage's forward pass is
// for one batch size. A GPU records it (a CUDA graph) and replays it with one call.

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

  // Does what `body` does. Body must call the same ops on the same memory every time, and nothing
  // that copies or waits: it may be called now, or its recording from an earlier call replayed. The
  // first call may take long, since ops choose their fastest kernels then.
  void run(Context& context, const std::function<void()>& body);

 private:
  std::unique_ptr<RecordedGraph> recorded_;
};

}  // namespace quantring
