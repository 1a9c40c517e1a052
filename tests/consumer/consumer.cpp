// A third party's program: one picture in this process and through a ring of three nodes must
// have the same logits, bit for bit. Prints them. Usage: consumer_cpp MODEL
#include <quantring/quantring.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <future>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// A diagonal ramp as a PGM file of the demo model's size, which its file does not resize to.
std::string picture() {
  std::string file = "P5 28 28 255\n";
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 28; ++x) file += static_cast<char>(4 * (x + y));
  }
  return file;
}

std::vector<float> logits_of(quantring::Session session) {
  const std::string file = picture();
  session.submit_file(std::as_bytes(std::span(file)));
  session.close_input();
  const auto answer = session.next();
  if (!answer || session.next()) throw std::runtime_error("one picture, but not one answer");
  return answer->logits;
}

struct Node {
  explicit Node(const std::string& model) {
    options.model = model;
    options.listen = "127.0.0.1:0";
    options.compute.threads = 1;
    options.ready = [this](std::uint16_t port) { listening.set_value(port); };
    thread = std::thread([this] { quantring::run_node(options, stop); });
  }
  ~Node() {
    stop.stop();
    thread.join();
  }

  quantring::NodeOptions options;
  quantring::StopToken stop;
  std::promise<std::uint16_t> listening;
  std::thread thread;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  const quantring::Model model(argv[1]);
  const auto local = logits_of(quantring::Session::open_local(model));

  Node nodes[] = {Node(argv[1]), Node(argv[1]), Node(argv[1])};
  quantring::RingOptions ring;
  ring.codec = "raw32";
  for (auto& node : nodes) {
    ring.stages.push_back("127.0.0.1:" + std::to_string(node.listening.get_future().get()));
  }
  const auto through_ring = logits_of(quantring::Session::open_ring(model, ring));

  for (const float logit : local) std::printf("%a\n", static_cast<double>(logit));
  if (local.size() != through_ring.size() ||
      std::memcmp(local.data(), through_ring.data(), local.size() * sizeof(float)) != 0) {
    throw std::runtime_error("the ring's logits differ from those of one process");
  }
  bool refused = false;
  try {
    const quantring::Model missing("no-such-file");
  } catch (const std::runtime_error& error) {
    refused = std::string(error.what()).find("no-such-file") != std::string::npos;
  }
  if (!refused) throw std::runtime_error("a missing model file gives no error that names it");
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
