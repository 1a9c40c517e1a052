// Frames that either end of a hop refuses: each wrong frame in each state.
#include "tests/net/hop/link_pair.h"

namespace quantring::net {
namespace {

// A pair that is open, with credit for two frames and one sent.
struct Running : Pair {
  Running() {
    open();
    receiver.link.grant(2, now);
    deliver();
    send(0);
    deliver();
  }
  void to_receiver(FrameHeader header, const std::string& payload = {}) {
    receiver.link.frame_arrived(text_frame(header, payload), now);
    receiver.collect();
  }
  void to_sender(FrameHeader header, const std::string& payload = {}) {
    sender.link.frame_arrived(text_frame(header, payload), now);
    sender.collect();
  }
};

FrameHeader data_header(std::uint64_t id) {
  FrameHeader header;
  header.kind = FrameKind::tensor;
  header.epoch = 1;
  header.request_id = id;
  return header;
}

FrameHeader kind_header(FrameKind kind, std::uint8_t control = 0, std::uint64_t id = 0) {
  FrameHeader header;
  header.kind = kind;
  header.control = control;
  header.request_id = id;
  return header;
}

FrameHeader control_header(ControlType type, std::uint64_t id = 0) {
  return kind_header(FrameKind::control, static_cast<std::uint8_t>(type), id);
}

TEST_CASE("link: frames that the receiver refuses") {
  const auto refused = [](FrameHeader header, const char* text) {
    Running pair;
    pair.to_receiver(header);
    CAPTURE(text);
    CHECK(contains(pair.receiver.error, "stage 0 (a:1) broke the protocol: "));
    CHECK(contains(pair.receiver.error, text));
    CHECK(pair.receiver.messages.size() == 1);
    // The peer gets the error.
    pair.deliver();
    CHECK(pair.sender.error == pair.receiver.error);
  };
  refused(data_header(0), "request 0 arrived, 1 was next");
  refused(data_header(2), "request 2 arrived, 1 was next");
  FrameHeader header = data_header(1);
  header.epoch = 2;
  refused(header, "a frame of plan 2, this is plan 1");
  header = data_header(1);
  header.kind = FrameKind::result;
  refused(header, "kind 3 is not allowed here");
  refused(kind_header(FrameKind::hello), "kind 1 is not allowed here");
  refused(kind_header(FrameKind::credit, 0, 1), "kind 4 is not allowed here");
  refused(control_header(ControlType::bye), "control message 5");
  refused(control_header(ControlType::ready), "control message 2");
  refused(control_header(ControlType::stats), "control message 3");
  refused(kind_header(FrameKind::control, 77), "control message 77");
  refused(control_header(ControlType::finish, 2), "it sent 2 frames, 1 arrived");
  header = control_header(ControlType::instruct);
  header.payload_length = max_instruction_bytes + 1;
  Running pair;  // by its header: the payload is never read
  CHECK_FALSE(pair.receiver.link.header_arrived(header));
  pair.receiver.collect();
  CHECK(contains(pair.receiver.error, "an instruction of 65537 bytes"));
}

TEST_CASE("link: more frames than credit is an error") {
  Running pair;
  pair.to_receiver(data_header(1));
  CHECK(pair.receiver.messages.size() == 2);
  pair.to_receiver(data_header(2));
  CHECK(contains(pair.receiver.error, "no credit"));
}

TEST_CASE("link: a frame is refused by its header, before its payload is read") {
  Running pair;
  CHECK_FALSE(pair.receiver.link.header_arrived(data_header(7)));
  Running fine;
  CHECK(fine.receiver.link.header_arrived(data_header(1)));
}

TEST_CASE("link: a damaged payload is an error") {
  Running pair;
  Frame frame = text_frame(data_header(1), "abc");
  frame.payload[0] ^= std::byte{1};
  pair.receiver.link.frame_arrived(std::move(frame), pair.now);
  pair.receiver.collect();
  CHECK(contains(pair.receiver.error, "checksum"));
}

TEST_CASE("link: frames that the sender refuses") {
  const auto refused = [](FrameHeader header, const char* text) {
    Running pair;
    pair.to_sender(header);
    CAPTURE(text);
    CHECK(contains(pair.sender.error, "stage 1 (b:2) broke the protocol: "));
    CHECK(contains(pair.sender.error, text));
  };
  refused(data_header(0), "kind 2 is not allowed here");
  refused(control_header(ControlType::plan), "control message 1");
  refused(control_header(ControlType::finish), "control message 4");
  refused(control_header(ControlType::instruct), "control message 6");
  refused(control_header(ControlType::bye), "the goodbye before the end");
  refused(kind_header(FrameKind::credit, 0, 0), "a credit of 0 frames");
  refused(kind_header(FrameKind::credit, 0, 1025), "a credit of 1025 frames");
  refused(kind_header(FrameKind::credit, 0, 1024), "a credit of 1024 frames");  // with the one left
}

TEST_CASE("link: before the hello only a hello is allowed") {
  for (const FrameKind kind :
       {FrameKind::tensor, FrameKind::credit, FrameKind::heartbeat, FrameKind::control}) {
    Pair pair;
    pair.receiver.link.begin(pair.now);
    pair.receiver.link.connected(pair.now);
    pair.receiver.link.frame_arrived(make_frame(kind_header(kind), {}), pair.now);
    pair.receiver.collect();
    CHECK(contains(pair.receiver.error, "instead of a hello"));
  }
  Pair pair;
  pair.receiver.link.begin(pair.now);
  pair.receiver.link.connected(pair.now);
  pair.receiver.link.frame_arrived(text_frame(kind_header(FrameKind::hello), "{}"), pair.now);
  pair.receiver.collect();
  CHECK(contains(pair.receiver.error, "its hello is wrong: field 'version' is missing"));
}

TEST_CASE("link: after the finish only heartbeats and errors are allowed") {
  for (const FrameHeader& header :
       {data_header(1), control_header(ControlType::plan), control_header(ControlType::instruct),
        control_header(ControlType::finish, 1)}) {
    Running pair;
    pair.sender.link.finish(pair.now);
    pair.deliver();
    pair.to_receiver(kind_header(FrameKind::heartbeat));
    CHECK(pair.receiver.closes == 0);
    pair.to_receiver(header);
    CHECK(contains(pair.receiver.error, "after the last"));
  }
}

TEST_CASE("link: the sender refuses what the peer cannot take") {
  {
    Running pair;
    pair.sender.link.control(ControlType::plan, std::string((1 << 20) + 1, 'x'), pair.now);
    pair.deliver();
    CHECK(contains(pair.sender.error, "too long"));
  }
  {
    Running pair;
    pair.sender.link.instruct(std::string(max_instruction_bytes + 1, 'x'), pair.now);
    pair.deliver();
    CHECK(contains(pair.sender.error, "an instruction of 65537 bytes is too long"));
  }
}

}  // namespace
}  // namespace quantring::net
