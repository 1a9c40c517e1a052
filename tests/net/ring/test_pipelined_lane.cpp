// The compute thread with a worker that has several frames in flight.

#include <algorithm>
#include <future>

#include "net/ring/compute_lane.h"
#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

// The calls of a worker, seen from the test's thread.
struct Calls {
  std::atomic<int> submitted{0}, collected{0}, max_in_flight{0}, destroyed{0};
  std::atomic<bool> may_collect{true};
};

// A frame is ready when the test allows it. Frame `bad` throws when it is collected.
class Pipelined final : public AddOne {
 public:
  Pipelined(Calls& calls, int depth, int bad = -1) : AddOne(depth), calls_(calls), bad_(bad) {}
  ~Pipelined() override { ++calls_.destroyed; }
  void submit(Message& in) override {
    AddOne::submit(in);
    const int in_flight = ++calls_.submitted - calls_.collected;
    calls_.max_in_flight = std::max(calls_.max_in_flight.load(), in_flight);
  }
  void collect(Message& out) override {
    while (!calls_.may_collect) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (calls_.collected == bad_) throw Error("this frame is too much");
    AddOne::collect(out);
    ++calls_.collected;
  }

 private:
  Calls& calls_;
  int bad_;
};

StageFactory pipelined(Calls& calls, int depth, int bad = -1) {
  return [&calls, depth, bad](const std::string&, int, int) {
    return std::make_unique<Pipelined>(calls, depth, bad);
  };
}

// Waits until all is pushed: a lane that is ahead of its input collects instead of submitting.
StageFactory made_after(std::promise<void>& pushed, StageFactory factory) {
  return [&pushed, factory = std::move(factory)](const std::string& work, int stage, int stages) {
    pushed.get_future().wait();
    return factory(work, stage, stages);
  };
}

struct Lane {
  std::atomic<int> taken{0}, failed{0}, exited{0};
  ComputeLane lane;
  explicit Lane(StageFactory factory) : lane(std::move(factory), {}, 0, 1, events()) {}

  ComputeLane::Events events() {
    ComputeLane::Events events;
    events.ready = [] {};
    events.taken = [this] { ++taken; };
    events.produced = [] {};
    events.failed = [this](const std::string&) { ++failed; };
    events.exited = [this] { ++exited; };
    return events;
  }
  void push(std::uint64_t number) {
    Message message = numbered_message(number);
    message.request_id = number;
    lane.push(std::move(message));
  }
};

TEST_CASE("pipelined lane: frames in flight reach the worker's depth and not more") {
  for (const int depth : {1, 3}) {
    CAPTURE(depth);
    Calls calls;
    calls.may_collect = false;
    std::promise<void> pushed;
    Lane test(made_after(pushed, pipelined(calls, depth)));
    for (std::uint64_t i = 0; i < 20; ++i) test.push(i);
    pushed.set_value();
    CHECK(eventually([&] { return calls.submitted == depth; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    CHECK(calls.submitted == depth);
    CHECK(test.taken == depth);  // a frame that the worker has not taken returns no credit
    calls.may_collect = true;
    for (std::uint64_t i = 0; i < 20; ++i) {
      REQUIRE(eventually([&] { return test.lane.has_output(); }));
      CHECK(came_through(*test.lane.pop(), i, 1));
    }
    test.lane.close_input();
    CHECK(eventually([&] { return test.lane.drained() && test.exited == 1; }));
    CHECK(calls.max_in_flight == depth);
    std::uint64_t images = 0;
    for (std::uint64_t i = 0; i < 20; ++i) images += numbered_message(i).images;
    CHECK(test.lane.stats().images == images);
  }
}

TEST_CASE("pipelined lane: a single frame does not wait for others") {
  Calls calls;
  Lane test(pipelined(calls, 3));
  for (std::uint64_t i = 0; i < 5; ++i) {
    test.push(i);
    REQUIRE(eventually([&] { return test.lane.has_output(); }));
    CHECK(came_through(*test.lane.pop(), i, 1));
  }
  CHECK(calls.max_in_flight == 1);
}

TEST_CASE("pipelined lane: frames submitted before the end of the input come out") {
  Calls calls;
  calls.may_collect = false;
  std::promise<void> pushed;
  Lane test(made_after(pushed, pipelined(calls, 3)));
  for (std::uint64_t i = 0; i < 3; ++i) test.push(i);
  pushed.set_value();
  test.lane.close_input();
  CHECK(eventually([&] { return calls.submitted == 3; }));
  CHECK_FALSE(test.lane.drained());
  calls.may_collect = true;
  for (std::uint64_t i = 0; i < 3; ++i) {
    REQUIRE(eventually([&] { return test.lane.has_output(); }));
    CHECK_FALSE(test.lane.drained());
    CHECK(came_through(*test.lane.pop(), i, 1));
  }
  CHECK(eventually([&] { return test.lane.drained(); }));
}

TEST_CASE("pipelined lane: a stop or an error drops frames in flight and destroys the worker") {
  Calls stopped;
  stopped.may_collect = false;
  {
    std::promise<void> pushed;
    Lane test(made_after(pushed, pipelined(stopped, 3)));
    for (std::uint64_t i = 0; i < 10; ++i) test.push(i);
    pushed.set_value();
    CHECK(eventually([&] { return stopped.submitted == 3; }));
    test.lane.stop();
    stopped.may_collect = true;
    CHECK(eventually([&] { return test.exited == 1; }));
    CHECK_FALSE(test.lane.drained());
    CHECK(test.failed == 0);
  }
  CHECK(stopped.destroyed == 1);
  CHECK(stopped.submitted < 10);

  Calls failed;
  {
    Lane test(pipelined(failed, 3, 1));
    for (std::uint64_t i = 0; i < 10; ++i) test.push(i);
    REQUIRE(eventually([&] { return test.lane.has_output(); }));
    CHECK(came_through(*test.lane.pop(), 0, 1));
    CHECK(eventually([&] { return test.exited == 1; }));
    CHECK(test.failed == 1);
    CHECK_FALSE(test.lane.drained());
  }
  CHECK(failed.destroyed == 1);
}

TEST_CASE("pipelined lane: busy time is counted once with any number of frames in flight") {
  // Each frame is ready 10 ms after it was submitted, so three in flight take little longer than
  // one.
  class Late final : public AddOne {
   public:
    Late() : AddOne(3) {}
    void submit(Message& in) override {
      ready_at_.push_back(std::chrono::steady_clock::now() + std::chrono::milliseconds(10));
      AddOne::submit(in);
    }
    void collect(Message& out) override {
      std::this_thread::sleep_until(ready_at_.front());
      ready_at_.pop_front();
      AddOne::collect(out);
    }

   private:
    std::deque<std::chrono::steady_clock::time_point> ready_at_;
  };
  const auto start = std::chrono::steady_clock::now();
  Lane test([](const std::string&, int, int) { return std::make_unique<Late>(); });
  for (std::uint64_t i = 0; i < 30; ++i) test.push(i);
  for (std::uint64_t i = 0; i < 30; ++i) {
    REQUIRE(eventually([&] { return test.lane.has_output(); }));
    test.lane.pop();
  }
  test.lane.close_input();
  CHECK(eventually([&] { return test.lane.drained(); }));
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const StageStats stats = test.lane.stats();
  CHECK(stats.compute_s >= 0.01);  // not zero
  CHECK(stats.compute_s + stats.wait_input_s + stats.wait_output_s <= wall);
}

TEST_CASE("a ring of pipelined workers loses no frame and keeps the order") {
  const auto factory = [](const std::string&, int stage, int) {
    return std::make_unique<AddOne>(1 + stage);
  };
  NodeThread a(factory), b(factory), c(factory);
  RingHead head(head_for({a.address(), b.address(), c.address()}));
  run_session(head, 2000, 3);
}

}  // namespace
}  // namespace quantring::net
