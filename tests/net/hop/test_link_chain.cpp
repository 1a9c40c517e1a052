// Several hops in a row, driven at random in simulated time: frames arrive once and in order
// whatever the timing, queues never exceed the credits, and a cut at any moment ends both its ends.
#include <random>

#include "tests/net/hop/link_pair.h"
#include "tests/support/sanitized.h"

namespace quantring::net {
namespace {

// hops[i].receiver and hops[i + 1].sender belong to the same node.
struct Chain {
  Chain(int count, std::uint32_t credit_frames, unsigned seed)
      : hops(static_cast<std::size_t>(count)), credits(credit_frames), random(seed) {
    for (Pair& hop : hops) {
      hop.open();
      hop.receiver.link.grant(credits, hop.now);
      hop.deliver();
    }
  }

  // One random event at one random hop. Frames on a wire arrive in order, at random times.
  void step(std::uint64_t total) {
    const std::size_t at = random() % hops.size();
    Pair& hop = hops[at];
    switch (random() % 5) {
      case 0:
        hop.move_one(hop.sender, hop.receiver);
        break;
      case 1:
        hop.move_one(hop.receiver, hop.sender);
        break;
      case 2:
        if (at == 0 && submitted < total && hop.sender.link.may_submit(hop.now)) {
          hop.send(submitted++);
        }
        break;
      case 3:
        forward(at);
        break;
      default:
        pass();
    }
    for (Pair& each : hops) max_queue = std::max(max_queue, each.receiver.messages.size());
  }

  // The node behind hop `at` takes a frame from its queue and passes it on.
  void forward(std::size_t at) {
    End& from = hops[at].receiver;
    if (from.messages.empty()) return;
    if (at + 1 < hops.size()) {
      End& to = hops[at + 1].sender;
      if (!to.link.may_submit(hops[at + 1].now)) return;
      to.link.submit(std::move(from.messages.front()), hops[at + 1].now);
      to.collect();
    } else {
      in_order = in_order && from.messages.front().request_id == received &&
                 from.messages.front().payload ==
                     std::vector<std::byte>(100 + received % 7, static_cast<std::byte>(received));
      ++received;
    }
    from.messages.pop_front();
    from.link.consumed(hops[at].now);
    from.collect();
  }

  void pass() {
    for (Pair& hop : hops) {
      hop.now += milliseconds(5);
      for (End* end : {&hop.sender, &hop.receiver}) {
        end->link.tick(hop.now);
        end->collect();
      }
    }
  }

  std::vector<Pair> hops;
  std::uint32_t credits;
  std::mt19937 random;
  std::uint64_t submitted = 0, received = 0;
  std::size_t max_queue = 0;
  bool in_order = true;
};

TEST_CASE("chain: thousands of frames over 1, 2 and 5 hops, in random steps") {
  for (const int count : {1, 2, 5}) {
    for (const std::uint32_t credits : {1u, 3u}) {
      CAPTURE(count);
      CAPTURE(credits);
      Chain chain(count, credits, static_cast<unsigned>(count) * 10 + credits);
      constexpr std::uint64_t total = 3000;
      for (int steps = 0; chain.received < total && steps < 3'000'000; ++steps) chain.step(total);
      CHECK(chain.received == total);
      CHECK(chain.in_order);
      CHECK(chain.max_queue <= credits);
      CHECK(chain.max_queue >= 1);
      for (Pair& hop : chain.hops) {
        CHECK(hop.sender.error == "not closed");
        CHECK(hop.receiver.error == "not closed");
        hop.sender.link.finish(hop.now);
        hop.deliver();
        CHECK(hop.receiver.finished == 1);
        hop.receiver.link.bye("b", hop.now);
        hop.deliver();
        CHECK(hop.sender.error.empty());
        CHECK(hop.sender.link.stats().frames == total);
        CHECK(hop.receiver.link.stats().payload_bytes == hop.sender.link.stats().payload_bytes);
        CHECK(hop.receiver.link.stats().wire_bytes == hop.sender.link.stats().wire_bytes);
      }
    }
  }
}

TEST_CASE("chain: a lost or duplicated frame is detected") {
  for (const bool doubled : {false, true}) {
    CAPTURE(doubled);
    Pair pair;
    pair.open();
    pair.receiver.link.grant(10, pair.now);
    pair.deliver();
    for (std::uint64_t id = 0; id < 4; ++id) {
      pair.send(id);
      if (id == 2) {
        if (doubled) {
          pair.sender.wire.push_back(pair.sender.wire.front());
        } else {
          pair.drop(pair.sender);
        }
      }
      pair.deliver();
    }
    CHECK(contains(pair.receiver.error,
                   doubled ? "request 2 arrived, 3 was next" : "request 3 arrived, 2 was next"));
    CHECK(pair.receiver.messages.size() == (doubled ? 3u : 2u));
    CHECK(pair.sender.error == pair.receiver.error);
  }
}

TEST_CASE("chain: cut at a random moment, both ends of the hop close within the deadline") {
  for (unsigned seed = 0; seed < (sanitized ? 40 : 200); ++seed) {
    CAPTURE(seed);
    Chain chain(1, 2, seed);
    const auto steps = chain.random() % 400;
    for (auto i = steps; i > 0; --i) chain.step(1000);
    Pair& hop = chain.hops[0];
    const auto received = hop.receiver.messages.size();
    hop.pass(silence_limit + 2 * tick_every, true);
    CHECK(contains(hop.sender.error, "stage 1 (b:2) was lost: silent"));
    CHECK(contains(hop.receiver.error, "stage 0 (a:1) was lost: silent"));
    CHECK(hop.receiver.messages.size() == received);
  }
}

}  // namespace
}  // namespace quantring::net
