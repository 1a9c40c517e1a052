#include "ops/cuda/device/graph.h"

#include "ops/cuda/device/error.h"

namespace quantring::cuda {
namespace {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
};
struct DestroyExecutable {
  void operator()(cudaGraphExec_t graph) const { cudaGraphExecDestroy(graph); }
};

struct Recording : RecordedGraph {
  std::unique_ptr<CUgraphExec_st, DestroyExecutable> graph;
};

std::unique_ptr<Recording> record(const Queue& queue, const std::function<void()>& body) {
  check(cudaStreamBeginCapture(queue.stream, cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  cudaGraph_t captured = nullptr;
  try {
    body();
  } catch (...) {
    cudaStreamEndCapture(queue.stream, &captured);
    if (captured != nullptr) cudaGraphDestroy(captured);
    throw;
  }
  check(cudaStreamEndCapture(queue.stream, &captured), "cudaStreamEndCapture");
  const std::unique_ptr<CUgraph_st, DestroyGraph> graph(captured);
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
  auto recording = std::make_unique<Recording>();
  recording->graph.reset(executable);
  check(cudaGraphUpload(executable, queue.stream), "cudaGraphUpload");
  return recording;
}

}  // namespace

void run_recorded(const Queue& queue, std::unique_ptr<RecordedGraph>& recorded,
                  const std::function<void()>& body) {
  if (recorded != nullptr) {
    const auto& recording = static_cast<const Recording&>(*recorded);
    check(cudaGraphLaunch(recording.graph.get(), queue.stream), "cudaGraphLaunch");
    return;
  }
  body();
  recorded = record(queue, body);
}

}  // namespace quantring::cuda
