// What the session machines of the simulated ring ask for is done, and its nodes compute.
#include <utility>
#include <variant>

#include "tests/net/ring/simulated_ring.h"

namespace quantring::net {

bool SimRing::compute_may_step(const SimNode& node) {
  const SimCompute& compute = node.compute;
  if (node.ending > 0) return true;
  if (!compute.started || compute.exited) return false;
  if (compute.stopped || !node.compute_error.empty()) return true;
  if (!compute.ready) return !node.loads;
  return !compute.output && (!compute.input.empty() || compute.input_closed);
}

void SimRing::compute_step(SimNode& node) {
  SimCompute& compute = node.compute;
  if (node.ending > 0) {
    --node.ending;
    return;
  }
  if (!compute.stopped && !node.compute_error.empty()) {
    compute.stopped = true;
    return node.session->compute_failed(std::exchange(node.compute_error, {}));
  }
  if (!compute.stopped && !compute.ready) {
    compute.ready = true;
    return node.session->compute_ready();
  }
  if (compute.stopped || compute.input.empty()) {
    compute.exited = true;
    return node.session->compute_exited();
  }
  compute.output = std::move(compute.input.front());
  compute.input.pop_front();
  for (auto& byte : compute.output->payload) {
    byte = static_cast<std::byte>(std::to_integer<int>(byte) + 1);
  }
  node.session->input_taken();
}

bool SimRing::pump(SimNode& node) {
  if (!node.session || !node.session->may_output()) return false;
  SimCompute& compute = node.compute;
  if (compute.exited && !compute.output) {
    node.session->output_drained();
    return true;
  }
  if (!compute.output || !node.downstream->link.may_submit(now)) return false;
  node.session->output(*std::exchange(compute.output, std::nullopt));
  return true;
}

void SimRing::perform_head(LinkAction& action) {
  if (SimEnd* end = head_end(link_of(action))) perform(action, *end);
}

void SimRing::perform_head(OpenReturnPort&) {
  if (refuse_return_port) return head->fail("cannot listen on head:9");
  port_open = true;
  head->return_port_opened({"head", 9});
}

void SimRing::perform_head(ResultArrived& action) {
  if (results.size() >= submitted) violated("a result without a frame");
  results.push_back(std::move(action.message));
}

void SimRing::perform_node(int index, ConnectLink& action) {
  nodes[static_cast<std::size_t>(index)]->downstream = connect(action, index);
}

void SimRing::perform_node(int index, LinkAction& action) {
  SimNode& node = *nodes[static_cast<std::size_t>(index)];
  const bool up = link_of(action) == NodeSession::upstream_link;
  perform(action, up ? *node.upstream : *node.downstream);
}

void SimRing::perform_node(int index, StartCompute& action) {
  SimNode& node = *nodes[static_cast<std::size_t>(index)];
  if (std::exchange(node.compute.started, true)) violated("compute started twice");
  if (action.work != "work") node.compute_error = "work that the worker cannot read";
}

void SimRing::perform_node(int index, ComputeFrame& action) {
  SimCompute& compute = nodes[static_cast<std::size_t>(index)]->compute;
  if (!compute.ready || compute.input_closed) violated("a frame that the compute cannot take");
  compute.input.push_back(std::move(action.message));
  if (compute.input.size() > max_credits) violated("more frames than credit");
}

void SimRing::perform_node(int index, InstructCompute& action) {
  nodes[static_cast<std::size_t>(index)]->compute.instructions.push_back(action.json);
}

void SimRing::perform_node(int index, CloseComputeInput&) {
  nodes[static_cast<std::size_t>(index)]->compute.input_closed = true;
}

void SimRing::perform_node(int index, StopCompute&) {
  nodes[static_cast<std::size_t>(index)]->compute.stopped = true;
}

void SimRing::perform_node(int index, SendOwnStats&) {
  SimNode& node = *nodes[static_cast<std::size_t>(index)];
  StageStats stats;
  node.session->label(stats);
  node.upstream->control(ControlType::stats, stage_stats_json(stats));
}

void SimRing::perform_node(int index, SendOwnBye& action) {
  SimNode& node = *nodes[static_cast<std::size_t>(index)];
  StageStats stats;
  node.session->label(stats);
  stats.output = node.downstream->link.stats();
  action.behind.insert(action.behind.begin(), stats);
  node.upstream->bye(bye_json(action.behind));
}

void SimRing::perform_node(int index, LogLine& action) {
  nodes[static_cast<std::size_t>(index)]->log += action.line + "\n";
}

void SimRing::perform_node(int index, SessionOver&) {
  nodes[static_cast<std::size_t>(index)]->session.reset();
}

}  // namespace quantring::net
