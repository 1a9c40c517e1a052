#pragma once
// What the session machines of head and node (head_session.h, node_session.h) ask of the owner of
// their links. Internal to net.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "net/hop/link.h"
#include "net/wire/address.h"
#include "net/wire/control.h"
#include "net/wire/message.h"

namespace quantring::net {

using LinkId = std::uint32_t;  // of one link in one session

// Makes the sender's end of a link and begins to connect it.
struct ConnectLink {
  LinkId link;
  LinkConfig config;
  Address address;
  std::uint64_t bits_per_second;  // pace; 0: none
};

// Each is one call of the link of that name.
struct AcceptLink {
  LinkId link;
  Hello hello;
};
struct RenameLink {
  LinkId link;
  std::string peer;
};
struct SetLinkEpoch {
  LinkId link;
  std::uint32_t epoch;
};
struct SendControl {
  LinkId link;
  ControlType type;
  std::string json;
};
struct SendInstruction {
  LinkId link;
  std::string json;
};
struct GrantCredit {
  LinkId link;
  std::uint32_t frames;
};
struct SendMessage {
  LinkId link;
  Message message;
};
struct FinishLink {
  LinkId link;
};
struct SendBye {
  LinkId link;
  std::string json;
};
struct FailLink {
  LinkId link;
  std::string error;
};
using LinkAction = std::variant<AcceptLink, RenameLink, SetLinkEpoch, SendControl, SendInstruction,
                                GrantCredit, SendMessage, FinishLink, SendBye, FailLink>;

inline LinkId link_of(const LinkAction& action) {
  return std::visit([](const auto& each) { return each.link; }, action);
}

// Endpoint: Connection, or what a test has in its place.
template <typename Endpoint>
struct LinkPerformer {
  Endpoint& link;
  void operator()(AcceptLink& action) const { link.accept(action.hello); }
  void operator()(RenameLink& action) const { link.set_peer(action.peer); }
  void operator()(SetLinkEpoch& action) const { link.set_epoch(action.epoch); }
  void operator()(SendControl& action) const { link.control(action.type, action.json); }
  void operator()(SendInstruction& action) const { link.instruct(action.json); }
  void operator()(GrantCredit& action) const { link.grant(action.frames); }
  void operator()(SendMessage& action) const { link.submit(std::move(action.message)); }
  void operator()(FinishLink&) const { link.finish(); }
  void operator()(SendBye& action) const { link.bye(action.json); }
  void operator()(FailLink& action) const { link.fail(action.error); }
};

template <typename Endpoint>
void perform(LinkAction& action, Endpoint& link) {
  std::visit(LinkPerformer<Endpoint>{link}, action);
}

}  // namespace quantring::net
