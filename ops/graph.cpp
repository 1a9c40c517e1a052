#include "ops/graph.h"

#include "ops/backend.h"

namespace quantring {

Graph::Graph() = default;
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

void Graph::run(Context& context, const std::function<void()>& body) {
  context.backend().run(recorded_, body);
}

}  // namespace quantring
