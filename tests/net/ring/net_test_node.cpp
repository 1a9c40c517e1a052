// A node for test_ring_processes: listens on the address it is given, prints it, and serves until
// it is killed. Second argument: milliseconds that each frame takes.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/net/wire/test_messages.h"

namespace {

using namespace quantring::net;

class SlowAddOne final : public AddOne {
 public:
  explicit SlowAddOne(std::chrono::milliseconds pause) : pause_(pause) {}
  void submit(Message& in) override {
    std::this_thread::sleep_for(pause_);
    AddOne::submit(in);
  }

 private:
  std::chrono::milliseconds pause_;
};

}  // namespace

int main(int argc, char** argv) {
  NodeOptions options = test_node_options();
  if (argc > 1) options.listen = argv[1];
  const std::chrono::milliseconds pause(argc > 2 ? std::atoi(argv[2]) : 0);
  try {
    RingNode node(
        options,
        [pause](const std::string&, int, int) { return std::make_unique<SlowAddOne>(pause); },
        [](std::string) {});
    std::printf("%d\n", node.port());
    std::fflush(stdout);
    node.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
