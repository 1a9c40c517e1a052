#pragma once
// One link of the simulated ring, in memory.

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "net/hop/link.h"
#include "net/ring/session_actions.h"

namespace quantring::net {

// One end of a simulated connection; has the functions of a Connection.
struct SimEnd {
  SimEnd(LinkConfig config, const Time& time, int end_owner)
      : link(std::move(config)), now(time), owner(end_owner) {}

  void accept(const Hello& hello) { link.accept(hello, now); }
  void grant(std::uint32_t frames) { link.grant(frames, now); }
  void control(ControlType type, const std::string& json) { link.control(type, json, now); }
  void instruct(const std::string& json) { link.instruct(json, now); }
  void submit(Message&& message) { link.submit(std::move(message), now); }
  void finish() { link.finish(now); }
  void bye(const std::string& json) { link.bye(json, now); }
  void fail(const std::string& why) { link.fail(why, now); }
  void set_peer(const std::string& name) { link.set_peer(name); }
  void set_epoch(std::uint32_t epoch) { link.set_epoch(epoch); }

  Link link;
  const Time& now;
  int owner;               // head_index, or the index of a node
  LinkId id = 0;           // in the owner's session
  bool pending = false;    // at a node: no session has it yet
  bool mute = false;       // takes everything and never sends
  SimEnd* peer = nullptr;  // nothing: never connected
  std::deque<Frame> wire;  // sent, and not arrived yet
  bool cut = false;        // nothing arrives any more
  std::string error;       // why it closed
  bool eof_seen = false;
};

}  // namespace quantring::net
