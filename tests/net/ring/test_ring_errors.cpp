// Error texts: one line that names the stage, its address and the cause.
#include <atomic>

#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

class Throws final : public AddOne {
 public:
  void submit(Message& in) override {
    if (in.request_id == 5) throw Error("frame 5 is too much");
    AddOne::submit(in);
  }
};

// Submits until the ring fails.
std::string feed_until_error(RingHead& head) {
  return error_of([&] {
    for (std::uint64_t i = 0;; ++i) {
      Message message = numbered_message(i);
      if (!head.try_submit(message)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      while (head.try_next_result()) {
      }
    }
  });
}

TEST_CASE("a worker that throws ends the session; the head's error names the stage and the cause") {
  for (int bad = 0; bad < 3; ++bad) {
    CAPTURE(bad);
    const auto factory = [bad](const std::string&, int stage, int) -> std::unique_ptr<StageWorker> {
      if (stage == bad) return std::make_unique<Throws>();
      return std::make_unique<AddOne>();
    };
    NodeThread a(factory), b(factory), c(factory);
    const std::vector<std::string> addresses{a.address(), b.address(), c.address()};
    const std::string expected = fmt::format("stage {} ({}): frame 5 is too much", bad,
                                             addresses[static_cast<std::size_t>(bad)]);
    {
      RingHead head(head_for(addresses));
      CHECK(feed_until_error(head) == expected);
      // Every later call throws the same, and none blocks.
      CHECK(error_of([&] { head.submit({}); }) == expected);
      CHECK(error_of([&] { head.next_result(); }) == expected);
      CHECK(error_of([&] { head.finish(); }) == expected);
    }
    for (NodeThread* node : {&a, &b, &c}) {
      CHECK(eventually([&] { return contains(node->log(), "session ended: " + expected); }));
    }
  }
}

TEST_CASE("blocked calls throw when the ring fails") {
  NodeThread node([](const std::string&, int, int) { return std::make_unique<Throws>(); });
  RingHead head(head_for({node.address()}));
  std::string fed;
  std::thread feeder([&] {
    fed = error_of([&] {
      for (std::uint64_t i = 0;; ++i) head.submit(numbered_message(i));
    });
  });
  const std::string received = error_of([&] {
    for (;;) head.next_result();
  });
  feeder.join();
  CHECK(fed == fmt::format("stage 0 ({}): frame 5 is too much", node.address()));
  CHECK(received == fed);
}

TEST_CASE("a stage that cannot load refuses the session") {
  const auto factory = [](const std::string&, int stage, int) -> std::unique_ptr<StageWorker> {
    if (stage == 1) throw Error("model hash 12 differs from the head's 34");
    return std::make_unique<AddOne>();
  };
  NodeThread a(factory), b(factory), c(factory);
  const HeadOptions options = head_for({a.address(), b.address(), c.address()});
  const std::string expected =
      fmt::format("stage 1 ({}): model hash 12 differs from the head's 34", b.address());
  CHECK(error_of([&] { RingHead head(options); }) == expected);
  // And once more: the nodes are free again.
  CHECK(eventually([&] { return error_of([&] { RingHead head(options); }) == expected; }));
}

TEST_CASE("loading may take longer than the limit of silence") {
  NodeThread node([](const std::string&, int, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3500));
    return std::make_unique<AddOne>();
  });
  RingHead head(head_for({node.address()}));
  run_session(head, 10, 1);
}

TEST_CASE("a ring that is not ready in time is an error") {
  std::atomic<bool> leave{false};
  NodeThread node([&leave](const std::string&, int, int) {
    while (!leave) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return std::make_unique<AddOne>();
  });
  HeadOptions options = head_for({node.address()});
  options.ready_timeout = std::chrono::seconds(1);
  CHECK(contains(error_of([&] { RingHead head(options); }), "not ready within 1 s"));
  leave = true;
}

TEST_CASE("nothing listens at an address") {
  std::string free_address;
  {
    NodeThread gone;
    free_address = gone.address();
  }
  const std::string text = error_of([&] { RingHead head(head_for({free_address})); });
  CHECK(contains(text, fmt::format("cannot connect to stage 0 ({}): connection refused; is "
                                   "`quantring node` running there?",
                                   free_address)));
  NodeThread first;
  const std::string second = error_of([&] {
    RingHead head(head_for({first.address(), free_address}));
  });
  CHECK(contains(second,
                 fmt::format("cannot connect to stage 1 ({}): connection refused", free_address)));
  CHECK(contains(second, fmt::format("stage 0 ({})", first.address())));
}

TEST_CASE("a name that cannot be resolved") {
  const std::string text =
      error_of([&] { RingHead head(head_for({"no-such-jetson.invalid:7710"})); });
  CHECK(contains(text, "cannot resolve 'no-such-jetson.invalid' of stage 0"));
}

TEST_CASE("a port in use") {
  NodeThread node;
  NodeOptions options = test_node_options();
  options.listen = node.address();
  CHECK(contains(error_of([&] { RingNode second(options, make_add_one, [](std::string) {}); }),
                 fmt::format("cannot listen on {}: address already in use", node.address())));
  // The head's return port as well; the node is free again afterwards.
  HeadOptions head_options = head_for({node.address()});
  head_options.listen = node.address();
  CHECK(contains(error_of([&] { RingHead head(head_options); }),
                 fmt::format("cannot listen on {}: address already in use", node.address())));
  RingHead head(head_for({node.address()}));
  run_session(head, 5, 1);
}

TEST_CASE("invalid addresses and options") {
  CHECK(contains(error_of([] { RingHead head(head_for({"jetson"})); }), "write HOST:PORT"));
  CHECK(contains(error_of([] { RingHead head(head_for({})); }), "1 to 64 stages"));
  HeadOptions options = head_for({"127.0.0.1:1"});
  options.credits = 0;
  CHECK(contains(error_of([&] { RingHead head(options); }), "credits must be"));
}

TEST_CASE("a return address that cannot be reached") {
  NodeThread node;
  HeadOptions options = head_for({node.address()});
  options.advertise_host = "no-such-head.invalid";
  const std::string text = error_of([&] { RingHead head(options); });
  CHECK(contains(text, "cannot resolve 'no-such-head.invalid' of the head"));
}

TEST_CASE("different versions refuse each other and both are named") {
  NodeOptions options = test_node_options();
  options.version = "0.0.9";
  NodeThread old(make_add_one, options);
  const std::string first = error_of([&] { RingHead head(head_for({old.address()})); });
  CHECK(contains(first, fmt::format("stage 0 ({})", old.address())));
  CHECK(contains(first, "0.0.9"));
  CHECK(contains(first, QUANTRING_VERSION));
  CHECK(contains(first, "install the same version on both"));

  NodeThread current;
  const std::string second = error_of([&] {
    RingHead head(head_for({current.address(), old.address()}));
  });
  CHECK(contains(second, fmt::format("stage 1 ({})", old.address())));
  CHECK(contains(second, "0.0.9"));
}

TEST_CASE("a busy node refuses a second head and goes on with the first") {
  NodeThread node;
  RingHead head(head_for({node.address()}));
  head.submit(numbered_message(0));
  const std::string text = error_of([&] { RingHead second(head_for({node.address()})); });
  CHECK(contains(text,
                 fmt::format("stage 0 ({}): busy with a session of 127.0.0.1", node.address())));
  CHECK(came_through(*head.next_result(), 0, 1));
  head.finish();
}

TEST_CASE("a head that meets a busy node tries again, and gets it when it is free") {
  NodeThread node;
  auto first = std::make_unique<RingHead>(head_for({node.address()}));
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    first->finish();
  });
  HeadOptions options = head_for({node.address()});
  options.busy_patience = std::chrono::seconds(20);
  RingHead second(options);
  ends.join();
  run_session(second, 5, 1);
}

TEST_CASE("one session after the other finds every node free") {
  NodeThread a, b, c;
  for (int i = 0; i < 50; ++i) {
    RingHead head(head_for({a.address(), b.address(), c.address()}));
    run_session(head, 3, 3);
  }
}

TEST_CASE("a lost head frees its nodes at once, though a frame is still being computed") {
  std::atomic<bool> computing{false}, leave{false};
  std::atomic<int> workers{0}, most{0};
  struct Slow final : AddOne {
    Slow(std::atomic<bool>& begun, std::atomic<bool>& go_on, std::atomic<int>& alive,
         std::atomic<int>& most_alive)
        : computing(begun), leave(go_on), workers(alive) {
      most_alive = std::max<int>(most_alive, ++workers);
    }
    ~Slow() override { --workers; }
    void submit(Message& in) override {
      computing = true;
      while (!leave) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      AddOne::submit(in);
    }
    std::atomic<bool>&computing, &leave;
    std::atomic<int>& workers;
  };
  NodeThread node([&](const std::string&, int, int) {
    return std::make_unique<Slow>(computing, leave, workers, most);
  });
  {
    RingHead head(head_for({node.address()}));
    head.submit(numbered_message(0));
    REQUIRE(eventually([&] { return computing.load(); }));
  }
  // It is not refused: it waits for the compute, which is let go now.
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    leave = true;
  });
  RingHead next(head_for({node.address()}));
  release.join();
  run_session(next, 5, 1);
  CHECK(most == 1);  // never two models in memory
}

TEST_CASE("a stopped node and a stopped head are named") {
  auto node = std::make_unique<NodeThread>();
  const std::string address = node->address();
  RingHead head(head_for({address}));
  node.reset();
  CHECK(feed_until_error(head) == fmt::format("stage 0 ({}) was stopped", address));

  NodeThread other;
  {
    RingHead stopped(head_for({other.address()}));
    stopped.stop();
    CHECK(contains(error_of([&] { stopped.next_result(); }), "the session was stopped"));
  }
  CHECK(eventually([&] { return contains(other.log(), "the session was stopped"); }));
  { RingHead left(head_for({other.address()})); }
  CHECK(eventually([&] { return contains(other.log(), "the head ended the session"); }));
  RingHead next(head_for({other.address()}));
  run_session(next, 5, 1);
}

TEST_CASE("stop before run") {
  RingNode node(test_node_options(), make_add_one, [](std::string) {});
  node.stop();
  node.run();
}

}  // namespace
}  // namespace quantring::net
