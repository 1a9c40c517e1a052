#pragma once
// A head and two stages in network namespaces of their own, joined by virtual cables; the one from
// stage 0 to stage 1 can be shaped by a token bucket. Needs root, `ip` and `tc`.

#include <string>

namespace quantring::bench {

class TestNetwork {
 public:
  // Makes the namespaces, after removing those that a killed run left. Throws Error, also when
  // another run uses them.
  TestNetwork();
  ~TestNetwork();  // removes them; what runs in them goes on without a network
  TestNetwork(const TestNetwork&) = delete;
  TestNetwork& operator=(const TestNetwork&) = delete;

  // Moves the calling thread, and those that it starts, into the head's namespace.
  static void enter_head();
  static void enter_stage(int stage);

  static std::string stage_address(int stage);  // where stage's node listens: HOST:PORT
  static std::string head_host();               // as stage 1 reaches it

  // Stage 0's sending side; 0: free. Burst and latency are the paper's. Throws Error.
  static void shape(double bits_per_second);
};

}  // namespace quantring::bench
