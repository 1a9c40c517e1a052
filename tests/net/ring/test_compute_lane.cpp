// The compute thread and its two bounded queues, without sockets.
#include "net/ring/compute_lane.h"

#include <atomic>

#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

struct Seen {
  std::atomic<int> ready{0}, taken{0}, produced{0}, failed{0}, exited{0};

  ComputeLane::Events events() {
    ComputeLane::Events events;
    events.ready = [this] { ++ready; };
    events.taken = [this] { ++taken; };
    events.produced = [this] { ++produced; };
    events.failed = [this](const std::string&) { ++failed; };
    events.exited = [this] { ++exited; };
    return events;
  }
};

TEST_CASE("lane: compute stops while its output is not taken") {
  Seen seen;
  ComputeLane lane(make_add_one, {}, 0, 1, seen.events());
  for (std::uint64_t i = 0; i < 20; ++i) lane.push(numbered_message(i));
  // One at the output, one that the worker has.
  CHECK(eventually([&] { return seen.taken == 2; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(seen.taken == 2);
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(eventually([&] { return lane.has_output(); }));
    // numbered_message leaves the id to the ring; it is not set here.
    CHECK(lane.pop()->payload.size() == numbered_message(i).payload.size());
  }
  CHECK_FALSE(lane.drained());
  lane.close_input();
  CHECK(eventually([&] { return lane.drained() && seen.exited == 1; }));
  CHECK(lane.stats().wait_output_s > 0.04);
  CHECK(seen.ready == 1);
  CHECK(seen.failed == 0);
}

TEST_CASE("lane: an instruction comes before the next frame, only the latest of several") {
  class Recorder final : public AddOne {
   public:
    explicit Recorder(std::string& calls) : calls_(calls) {}
    void instructed(const std::string& json) override { calls_ += json; }
    void submit(Message& in) override {
      calls_ += '|';
      AddOne::submit(in);
    }

   private:
    std::string& calls_;
  };
  std::string calls;
  {
    Seen seen;
    ComputeLane lane(
        [&calls](const std::string&, int, int) { return std::make_unique<Recorder>(calls); }, {}, 0,
        1, seen.events());
    for (const char* text : {"a", "b", "", "c"}) {
      lane.instruct(text);
      if (*text != 'a') lane.push({});
      if (*text != 'a') CHECK(eventually([&] { return lane.pop().has_value(); }));
    }
    lane.push({});
    CHECK(eventually([&] { return lane.pop().has_value(); }));
  }
  CHECK(calls == "b||c||");
}

// Records the state of the link with which a frame is coded.
class Coder final : public AddOne {
 public:
  explicit Coder(int depth, std::atomic<int>& coded, std::atomic<std::uint64_t>& seen)
      : AddOne(depth), coded_(coded), seen_(seen) {}
  void observe_output(const LinkStats& link) override { link_ = link.frames; }
  void submit(Message& in) override {
    if (depth() > 1) code();
    AddOne::submit(in);
  }
  void collect(Message& out) override {
    if (depth() == 1) code();
    AddOne::collect(out);
  }

 private:
  void code() {
    seen_ = link_;
    ++coded_;
  }
  std::atomic<int>& coded_;
  std::atomic<std::uint64_t>& seen_;
  std::uint64_t link_ = 0;
};

TEST_CASE("lane: frames are coded late, with the latest state of the link") {
  // A GPU's worker codes when it submits: a frame that waits at the output counts in its depth.
  for (const int depth : {1, 2, 3}) {
    CAPTURE(depth);
    std::atomic<int> coded{0};
    std::atomic<std::uint64_t> seen_frames{0};
    Seen seen;
    ComputeLane lane([&](const std::string&, int,
                         int) { return std::make_unique<Coder>(depth, coded, seen_frames); },
                     {}, 0, 1, seen.events());
    for (int i = 0; i < 20; ++i) lane.push({});
    for (int sent = 0; sent < 12; ++sent) {
      CHECK(eventually([&] { return coded == sent + depth; }));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      CHECK(coded == sent + depth);
      // As a session does: first the state of the link, then room.
      LinkStats stats;
      stats.frames = static_cast<std::uint64_t>(sent) + 100;
      lane.set_output_stats(stats);
      CHECK(eventually([&] { return lane.pop().has_value(); }));
      CHECK(eventually([&] { return coded == sent + 1 + depth; }));
      CHECK(seen_frames == stats.frames);
    }
  }
}

TEST_CASE("lane: a frame is submitted while the previous one waits for the link") {
  Seen seen;
  ComputeLane lane([](const std::string&, int, int) { return std::make_unique<AddOne>(3); }, {}, 0,
                   1, seen.events());
  lane.push({});
  CHECK(eventually([&] { return lane.has_output(); }));
  lane.push({});
  CHECK(eventually([&] { return seen.taken == 2; }));
  lane.push({});
  CHECK(eventually([&] { return seen.taken == 3; }));
  lane.push({});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(seen.taken == 3);
}

TEST_CASE("lane: it can be stopped while it waits for input or room, and is then not drained") {
  for (const int pushed : {0, 10}) {
    Seen seen;
    ComputeLane lane(make_add_one, {}, 0, 1, seen.events());
    for (int i = 0; i < pushed; ++i) lane.push({});
    CHECK(eventually([&] { return seen.ready == 1; }));
    lane.stop();
    CHECK(eventually([&] { return seen.exited == 1; }));
    while (lane.pop()) {
    }
    CHECK_FALSE(lane.drained());
  }
}

TEST_CASE("lane: anything that the worker throws is reported once") {
  for (const int kind : {0, 1, 2}) {
    Seen seen;
    const StageFactory factory = [kind](const std::string&, int, int) {
      if (kind == 0) throw Error("no model");
      if (kind == 1) throw 7;
      return std::unique_ptr<StageWorker>();
    };
    ComputeLane lane(factory, {}, 0, 1, seen.events());
    CHECK(eventually([&] { return seen.exited == 1; }));
    CHECK(seen.failed == 1);
    CHECK(seen.ready == 0);
  }
}

}  // namespace
}  // namespace quantring::net
