// Rings of nodes in threads, over loopback: every frame arrives once, in order, intact; queues stay
// bounded; counters are exact.
#include <atomic>

#include "net/wire/frame.h"
#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

std::vector<std::string> addresses_of(const std::vector<std::unique_ptr<NodeThread>>& nodes) {
  std::vector<std::string> addresses;
  for (const auto& node : nodes) addresses.push_back(node->address());
  return addresses;
}

std::vector<std::unique_ptr<NodeThread>> make_nodes(int count) {
  std::vector<std::unique_ptr<NodeThread>> nodes;
  for (int i = 0; i < count; ++i) nodes.push_back(std::make_unique<NodeThread>());
  return nodes;
}

TEST_CASE("ten thousand messages go through 1, 3 and 6 nodes once, in order, intact") {
  // If the inputs were equal, order and content would prove nothing.
  REQUIRE(numbered_message(1).payload != numbered_message(2).payload);
  for (const int stages : {1, 3, 6}) {
    CAPTURE(stages);
    const auto nodes = make_nodes(stages);
    RingHead head(head_for(addresses_of(nodes)));
    run_session(head, 10000, stages);
  }
}

TEST_CASE("counters are exact at the end") {
  const auto nodes = make_nodes(3);
  RingHead head(head_for(addresses_of(nodes)));
  constexpr std::uint64_t count = 500;
  std::uint64_t images = 0, bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Message message = numbered_message(i);
    images += message.images;
    bytes += message.payload.size();
  }
  const RingStats stats = run_session(head, count, 3);
  REQUIRE(stats.stages.size() == 3);
  const auto check = [&](const LinkStats& link) {
    CHECK(link.frames == count);
    CHECK(link.images == images);
    CHECK(link.payload_bytes == bytes);
    CHECK(link.wire_bytes > bytes + count * frame_header_bytes);
  };
  check(stats.input);
  check(stats.output);
  for (int i = 0; i < 3; ++i) {
    const StageStats& stage = stats.stages[static_cast<std::size_t>(i)];
    check(stage.input);
    check(stage.output);
    CHECK(stage.stage == i);
    CHECK(stage.address == nodes[static_cast<std::size_t>(i)]->address());
    CHECK(stage.version == QUANTRING_VERSION);
    CHECK(stage.images == images);
    CHECK(stage.compute_s > 0);
    CHECK(stage.wait_input_s > 0);
  }
  // One end received what the other sent, heartbeats included.
  CHECK(stats.stages[0].output.wire_bytes == stats.stages[1].input.wire_bytes);
  CHECK(stats.stages[1].output.wire_bytes == stats.stages[2].input.wire_bytes);
}

// Counts the frames that entered the worker, and is slow.
class Slow final : public AddOne {
 public:
  Slow(std::atomic<int>& seen, std::chrono::milliseconds pause) : seen_(seen), pause_(pause) {}
  void submit(Message& in) override {
    std::this_thread::sleep_for(pause_);
    ++seen_;
    AddOne::submit(in);
  }
  std::string stats_json() override { return R"({"seen":)" + std::to_string(seen_) + "}"; }

 private:
  std::atomic<int>& seen_;
  std::chrono::milliseconds pause_;
};

TEST_CASE("a slow last stage slows the head: frames in flight stay bounded") {
  std::atomic<int> seen{0};
  NodeThread first;
  NodeThread last([&seen](const std::string&, int, int) {
    return std::make_unique<Slow>(seen, std::chrono::milliseconds(5));
  });
  HeadOptions options = head_for({first.address(), last.address()});
  options.credits = 3;
  RingHead head(options);
  std::thread receiver([&head] {
    while (head.next_result()) {
    }
  });
  int max_in_flight = 0;
  for (int i = 0; i < 200; ++i) {
    head.submit(numbered_message(static_cast<std::uint64_t>(i)));
    max_in_flight = std::max(max_in_flight, i + 1 - seen.load());
  }
  head.close_input();
  receiver.join();
  const RingStats stats = head.finish();
  // One at the head; at each stage the queue of 3, one in compute, one at its output, one on the
  // wire.
  CHECK(max_in_flight <= 1 + 1 + (3 + 1 + 1 + 1) + (3 + 1));
  CHECK(max_in_flight > 3);
  // The statistics show the cause: stage 0 waited for its successor, not for its link.
  CHECK(stats.stages[0].wait_output_s > 0.5);
  CHECK(stats.stages[0].output.credit_wait_s > 0.5);
  CHECK(stats.stages[0].output.sending_s < stats.stages[0].output.credit_wait_s);
  CHECK(stats.stages[1].compute_s > 0.9);
  CHECK(stats.stages[1].app_json == R"({"seen":200})");
}

TEST_CASE("a head that takes no results stops the ring, and finish() gets the rest") {
  NodeThread node;
  RingHead head(head_for({node.address()}));
  std::uint64_t accepted = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (std::chrono::steady_clock::now() < deadline) {
    Message message = numbered_message(accepted);
    if (head.try_submit(message)) ++accepted;
  }
  CHECK(accepted < 20);
  CHECK(accepted >= 8);
  const RingStats stats = head.finish();
  CHECK(stats.output.frames == accepted);
  for (std::uint64_t i = 0; i < accepted; ++i) CHECK(came_through(*head.next_result(), i, 1));
  CHECK_FALSE(head.next_result());
  CHECK(contains(error_of([&] { head.submit({}); }), "input was closed"));
}

TEST_CASE("one thread may both feed and receive") {
  NodeThread node;
  RingHead head(head_for({node.address()}));
  std::uint64_t submitted = 0, received = 0;
  while (received < 1000) {
    Message message = numbered_message(submitted);
    if (submitted < 1000 && head.try_submit(message)) {
      ++submitted;
    } else if (const auto result = head.next_result()) {
      REQUIRE(came_through(*result, received++, 1));
    }
  }
  head.finish();
}

TEST_CASE("counters arrive while the ring runs") {
  std::atomic<int> seen{0};
  NodeThread node([&seen](const std::string&, int, int) {
    return std::make_unique<Slow>(seen, std::chrono::milliseconds(1));
  });
  RingHead head(head_for({node.address()}));
  head.submit(numbered_message(0));
  head.next_result();
  CHECK(eventually([&] { return head.stats().stages[0].images > 0; }));
  CHECK(eventually([&] { return contains(head.stats().stages[0].app_json, "seen"); }));
  // Every sender's kernel knows its round trip; of the head's links that is the first.
  CHECK(eventually([&] { return head.stats().input.rtt_s > 0; }));
  CHECK(eventually([&] { return head.stats().stages[0].output.rtt_s > 0; }));
  const RingStats stats = head.finish();
  CHECK(stats.stages[0].output.rtt_s < 1);
  CHECK(stats.stages[0].input.rtt_s == 0);
  CHECK(stats.output.rtt_s == 0);
}

TEST_CASE("a worker sees the state of its output's link") {
  class Watch final : public AddOne {
   public:
    explicit Watch(std::atomic<std::uint64_t>& sent) : sent_(sent) {}
    void observe_output(const LinkStats& link) override { sent_ = link.frames; }
    std::string stats_json() override { return std::string(3000, '1'); }  // longer than the limit

   private:
    std::atomic<std::uint64_t>& sent_;
  };
  std::atomic<std::uint64_t> sent{0};
  NodeThread node([&sent](const std::string&, int, int) { return std::make_unique<Watch>(sent); });
  RingHead head(head_for({node.address()}));
  const RingStats stats = run_session(head, 100, 1);
  CHECK(sent >= 90);  // the last few were in flight when the last frame began
  CHECK(sent < 100);
  CHECK(stats.stages[0].app_json.empty());
}

TEST_CASE("an instruction reaches every stage, in order, before later frames") {
  // Each stage records its instructions and puts the number of the latest on its frames.
  class Instructed final : public AddOne {
   public:
    void instructed(const std::string& json) override {
      seen_ += json + ";";
      latest_ = static_cast<std::uint8_t>(std::stoi(json));
    }
    void collect(Message& out) override {
      AddOne::collect(out);
      out.images = latest_;
    }
    std::string stats_json() override { return seen_; }

   private:
    std::string seen_;
    std::uint8_t latest_ = 0;
  };
  const auto factory = [](const std::string&, int, int) { return std::make_unique<Instructed>(); };
  NodeThread a(factory), b(factory), c(factory);
  RingHead head(head_for({a.address(), b.address(), c.address()}));
  for (int i = 1; i <= 3; ++i) {
    head.instruct(std::to_string(i));
    // Submitted after the instruction: it is behind it on every hop.
    head.submit(numbered_message(0));
    CHECK(head.next_result()->images == i);
  }
  CHECK(contains(error_of([&] { head.instruct(std::string(70000, ' ')); }), "too long"));
  for (int i = 4; i <= 200; ++i) head.instruct(std::to_string(i));
  head.submit(numbered_message(0));
  CHECK(head.next_result()->images == 200);
  const RingStats stats = head.finish();
  head.instruct("too late");
  for (const StageStats& stage : stats.stages) {
    CAPTURE(stage.stage);
    CAPTURE(stage.app_json);
    CHECK(stage.app_json.starts_with("1;2;3;"));
    CHECK(stage.app_json.ends_with("200;"));
  }
}

TEST_CASE("a payload much longer than one read of the socket") {
  NodeThread node;
  RingHead head(head_for({node.address()}));
  Message message = numbered_message(0);
  message.payload.resize(30'000'000);
  for (std::size_t i = 0; i < message.payload.size(); ++i) {
    message.payload[i] = static_cast<std::byte>(i * i >> 7);
  }
  std::vector<std::byte> expected = message.payload;
  for (auto& byte : expected) byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
  head.submit(std::move(message));
  CHECK(head.next_result()->payload == expected);
  head.finish();
}

TEST_CASE("a ring over IPv6") {
  NodeOptions options = test_node_options();
  options.listen = "[::1]:0";
  if (error_of([&] { RingNode probe(options, make_add_one, [](std::string) {}); }) != "no error") {
    MESSAGE("no IPv6 here");
    return;
  }
  NodeThread a(make_add_one, options), b(make_add_one, options);
  RingHead head(head_for({fmt::format("[::1]:{}", a.port()), fmt::format("[::1]:{}", b.port())}));
  run_session(head, 50, 2);
}

TEST_CASE("a node serves one head after another") {
  NodeThread node;
  for (int session = 0; session < 5; ++session) {
    RingHead head(head_for({node.address()}));
    run_session(head, 20, 1);
  }
}

TEST_CASE("the work of the plan reaches its stage") {
  std::mutex mutex;
  std::vector<std::string> seen(3);
  const auto factory = [&](const std::string& work, int stage, int stages) {
    const std::lock_guard lock(mutex);
    seen[static_cast<std::size_t>(stage)] = fmt::format("{} of {}", work, stages);
    return std::make_unique<AddOne>();
  };
  NodeThread a(factory), b(factory), c(factory);
  HeadOptions options = head_for({a.address(), b.address(), c.address()});
  options.stages[0].work = R"({"blocks":[0,4]})";
  options.stages[1].work = "ünï\ncode";
  options.stages[2].work = "";
  RingHead head(options);
  CHECK(seen[0] == "{\"blocks\":[0,4]} of 3");
  CHECK(seen[1] == "ünï\ncode of 3");
  CHECK(seen[2] == " of 3");
}

}  // namespace
}  // namespace quantring::net
