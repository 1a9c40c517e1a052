#pragma once
// Two ends of a hop joined by a simulated wire, with simulated time: no socket, no thread, no
// sleep.

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/hop/link.h"
#include "tests/support/texts.h"

namespace quantring::net {

using quantring::test::contains;

using std::chrono::milliseconds;

inline LinkConfig link_config(LinkEnd end) {
  LinkConfig config;
  config.end = end;
  config.hello.version = "1.0";
  config.hello.session = 42;
  config.hello.role = end == LinkEnd::sender ? Role::stage : Role::node;
  config.peer = end == LinkEnd::sender ? "stage 1 (b:2)" : "stage 0 (a:1)";
  config.connect_hint = "is it on?";
  return config;
}

// One end, and the events that its owner has seen.
struct End {
  explicit End(LinkConfig config) : own_hello(config.hello), link(std::move(config)) {}

  // Takes the link's actions. Frames go to `wire`.
  void collect() {
    for (Action& action : link.take_actions()) {
      if (auto* send = std::get_if<SendFrame>(&action)) wire.push_back(std::move(send->frame));
      if (auto* arrived = std::get_if<HelloArrived>(&action)) hello = arrived->hello;
      if (auto* message = std::get_if<Delivered>(&action)) {
        messages.push_back(std::move(message->message));
      }
      if (auto* arrived = std::get_if<ControlArrived>(&action))
        controls.push_back(arrived->control);
      if (std::holds_alternative<CreditArrived>(action)) ++credits;
      if (std::holds_alternative<PeerFinished>(action)) ++finished;
      if (auto* end = std::get_if<Closed>(&action)) {
        ++closes;
        error = end->error;
        bye = end->bye_json;
      }
    }
  }

  Hello own_hello;
  Link link;
  std::deque<Frame> wire;  // frames to the other end
  std::optional<Hello> hello;
  std::deque<Message> messages;
  std::vector<Control> controls;
  int credits = 0, finished = 0, closes = 0;
  std::string error = "not closed", bye;
};

struct Pair {
  Pair() : Pair(link_config(LinkEnd::sender), link_config(LinkEnd::receiver)) {}
  Pair(LinkConfig sender_config, LinkConfig receiver_config)
      : sender(std::move(sender_config)), receiver(std::move(receiver_config)) {}

  // Delivers all frames, and those that follow from them.
  void deliver() {
    sender.collect();
    receiver.collect();
    while (move_one(sender, receiver) || move_one(receiver, sender)) {
      if (receiver.hello && !std::exchange(accepted, true) && accepts) {
        receiver.link.accept(receiver.own_hello, now);
        receiver.collect();
      }
    }
  }

  // The oldest frame of `from` arrives at `to`, written to bytes and read again.
  bool move_one(End& from, End& to) {
    if (from.wire.empty()) return false;
    Frame frame = std::move(from.wire.front());
    from.wire.pop_front();
    from.link.frame_written(now);
    const HeaderBytes bytes = write_header(frame.header);
    to.link.bytes_arrived(bytes.size() + frame.payload.size(), now);
    Frame arrived;
    const std::string wrong = read_header(bytes, arrived.header);
    REQUIRE(wrong.empty());
    arrived.payload = std::move(frame.payload);
    to.link.frame_arrived(std::move(arrived), now);
    from.collect();
    to.collect();
    return true;
  }

  // Time passes in ticks; frames arrive unless `cut`.
  void pass(milliseconds span, bool cut = false) {
    for (const Time until = now + span; now < until;) {
      now += tick_every;
      sender.link.tick(now);
      receiver.link.tick(now);
      sender.collect();
      receiver.collect();
      if (cut) {
        while (!sender.wire.empty()) drop(sender);
        while (!receiver.wire.empty()) drop(receiver);
      } else {
        deliver();
      }
    }
  }

  // The kernel took it; the network loses it.
  void drop(End& from) {
    from.wire.pop_front();
    from.link.frame_written(now);
    from.collect();
  }

  void open() {
    sender.link.begin(now);
    receiver.link.begin(now);
    sender.link.connected(now);
    receiver.link.connected(now);
    deliver();
  }

  void send(std::uint64_t id) {
    Message message;
    message.request_id = id;
    message.images = 2;
    message.payload.assign(100 + id % 7, static_cast<std::byte>(id));
    sender.link.submit(std::move(message), now);
    sender.collect();
  }

  Time now{};
  bool accepts = true, accepted = false;
  End sender, receiver;
};

}  // namespace quantring::net
