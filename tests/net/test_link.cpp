// Every transition and every deadline of a hop, in simulated time.
#include "tests/net/link_pair.h"

namespace quantring::net {
namespace {

TEST_CASE("link: hello, credit, frames, finish, bye") {
  Pair pair;
  pair.open();
  REQUIRE(pair.sender.link.open());
  REQUIRE(pair.receiver.link.open());
  CHECK(pair.receiver.hello->role == Role::stage);
  CHECK(pair.receiver.hello->session == 42);
  CHECK(pair.sender.hello->codecs == std::vector<std::uint8_t>{wire_codec});

  CHECK_FALSE(pair.sender.link.may_submit(pair.now));
  pair.receiver.link.grant(2, pair.now);
  pair.deliver();
  CHECK(pair.sender.credits == 1);
  for (std::uint64_t id = 0; id < 2; ++id) {
    REQUIRE(pair.sender.link.may_submit(pair.now));
    pair.send(id);
    CHECK_FALSE(pair.sender.link.may_submit(pair.now));  // the wire is busy
    pair.deliver();
  }
  CHECK_FALSE(pair.sender.link.may_submit(pair.now));  // credit is used up
  REQUIRE(pair.receiver.messages.size() == 2);
  CHECK(pair.receiver.messages[1].request_id == 1);
  CHECK(pair.receiver.messages[1].payload == std::vector<std::byte>(101, std::byte{1}));
  pair.receiver.link.consumed(pair.now);
  pair.deliver();
  CHECK(pair.sender.link.may_submit(pair.now));

  pair.sender.link.control(ControlType::plan, "plan!", pair.now);
  pair.receiver.link.control(ControlType::ready, "", pair.now);
  pair.receiver.link.control(ControlType::stats, "stats!", pair.now);
  pair.deliver();
  REQUIRE(pair.receiver.controls.size() == 1);
  CHECK(pair.receiver.controls[0].type == ControlType::plan);
  CHECK(pair.receiver.controls[0].json == "plan!");
  REQUIRE(pair.sender.controls.size() == 2);
  CHECK(pair.sender.controls[1].json == "stats!");

  pair.sender.link.finish(pair.now);
  pair.deliver();
  CHECK(pair.receiver.finished == 1);
  CHECK_FALSE(pair.sender.link.may_submit(pair.now));
  // A long goodbye: heartbeats go on.
  pair.pass(milliseconds(20000));
  pair.receiver.link.control(ControlType::stats, "late", pair.now);
  pair.receiver.link.bye("counts", pair.now);
  pair.deliver();
  CHECK(pair.receiver.closes == 1);
  CHECK(pair.receiver.error.empty());
  CHECK(pair.sender.closes == 1);
  CHECK(pair.sender.error.empty());
  CHECK(pair.sender.bye == "counts");
}

TEST_CASE("link: a silent but living pair stays open by heartbeats, and only by them") {
  Pair pair;
  pair.open();
  pair.pass(milliseconds(60000));
  CHECK(pair.sender.closes == 0);
  CHECK(pair.receiver.closes == 0);
  const auto before = pair.receiver.link.stats().wire_bytes;
  pair.pass(milliseconds(10000));
  const auto beats = (pair.receiver.link.stats().wire_bytes - before) / frame_header_bytes;
  CHECK(beats >= 15);
  CHECK(beats <= 20);
  // Traffic takes their place.
  pair.receiver.link.grant(100, pair.now);
  pair.deliver();
  const auto quiet = pair.receiver.link.stats();
  for (std::uint64_t id = 0; id < 50; ++id) {
    pair.send(id);
    pair.pass(milliseconds(200));
  }
  const auto busy = pair.receiver.link.stats();
  CHECK(busy.frames == 50);
  CHECK(busy.wire_bytes - quiet.wire_bytes == busy.payload_bytes + 50 * frame_header_bytes);
}

TEST_CASE("link: a cut wire is noticed by both after 2.5 s") {
  Pair pair;
  pair.open();
  pair.pass(milliseconds(1000));
  pair.pass(milliseconds(1900), true);
  CHECK(pair.sender.closes == 0);
  CHECK(pair.receiver.closes == 0);
  pair.pass(milliseconds(800), true);
  CHECK(pair.sender.error == "stage 1 (b:2) was lost: silent for 2.5 s; restart it and run again");
  CHECK(pair.receiver.error ==
        "stage 0 (a:1) was lost: silent for 2.5 s; restart it and run again");
}

TEST_CASE("link: bytes of a frame that is not whole yet count as life") {
  Pair pair;
  pair.open();
  for (int i = 0; i < 300; ++i) {
    pair.receiver.link.bytes_arrived(10, pair.now);
    pair.pass(milliseconds(100), true);
    if (i == 20) CHECK(pair.sender.closes == 0);
  }
  CHECK(pair.receiver.closes == 0);
  CHECK(pair.sender.closes == 1);
}

TEST_CASE("link: one's own sleep is not the peer's silence") {
  Pair pair;
  pair.open();
  pair.pass(milliseconds(500));
  pair.now += std::chrono::hours(1);
  pair.sender.link.tick(pair.now);
  pair.sender.collect();
  CHECK(pair.sender.closes == 0);
  pair.pass(milliseconds(3000), true);
  CHECK(contains(pair.sender.error, "silent"));
}

TEST_CASE("link: the handshake has a deadline at each of its steps") {
  {
    Pair pair;
    pair.sender.link.begin(pair.now);
    pair.pass(milliseconds(4900));
    CHECK(pair.sender.closes == 0);
    pair.pass(milliseconds(200));
    CHECK(pair.sender.error == "cannot connect to stage 1 (b:2): no answer within 5 s; is it on?");
    CHECK(pair.sender.wire.empty());
  }
  {
    Pair pair;
    pair.open();
    Pair mute;
    mute.sender.link.begin(mute.now);
    mute.sender.link.connected(mute.now);
    mute.pass(milliseconds(5000), true);
    CHECK(contains(mute.sender.error, "stage 1 (b:2) sent no hello within 5 s"));
  }
  {
    Pair mute;
    mute.receiver.link.begin(mute.now);
    mute.receiver.link.connected(mute.now);
    mute.pass(milliseconds(5000), true);
    CHECK(contains(mute.receiver.error, "stage 0 (a:1) sent no hello within 5 s"));
  }
}

TEST_CASE("link: a peer that takes no bytes for 10 s is lost, slow progress is not") {
  Pair pair;
  pair.open();
  pair.receiver.link.grant(2, pair.now);
  pair.deliver();
  pair.send(0);
  const auto stuck_for = [&pair](int tenths, bool progress) {
    for (int i = 0; i < tenths; ++i) {
      pair.now += tick_every;
      pair.sender.link.bytes_arrived(1, pair.now);  // it lives
      if (progress) pair.sender.link.bytes_written(pair.now);
      pair.sender.link.tick(pair.now);
    }
    pair.sender.collect();
  };
  stuck_for(300, true);
  CHECK(pair.sender.closes == 0);
  stuck_for(99, false);
  CHECK(pair.sender.closes == 0);
  stuck_for(2, false);
  CHECK(contains(pair.sender.error, "it took no data for 10 s"));
}

TEST_CASE("link: sockets that fail, before and after the link is open") {
  {
    Pair pair;
    pair.sender.link.begin(pair.now);
    pair.sender.link.read_failed("connection refused");
    pair.deliver();
    CHECK(pair.sender.error == "cannot connect to stage 1 (b:2): connection refused; is it on?");
  }
  {
    Pair pair;
    pair.sender.link.begin(pair.now);
    pair.sender.link.connected(pair.now);
    pair.sender.link.read_failed("connection closed");
    pair.sender.collect();
    CHECK(contains(pair.sender.error, "closed the connection before its hello"));
  }
  {
    Pair pair;
    pair.open();
    pair.receiver.link.read_failed("connection reset by peer");
    pair.receiver.collect();
    CHECK(pair.receiver.error ==
          "stage 0 (a:1) was lost: connection reset by peer; restart it and run again");
  }
}

TEST_CASE("link: after a failed write, the peer's own words are preferred for a moment") {
  {
    Pair pair;
    pair.open();
    pair.receiver.link.fail("stage 1 (b:2): the model is gone", pair.now);
    pair.receiver.collect();
    pair.sender.link.write_failed("broken pipe", pair.now);
    pair.deliver();
    CHECK(pair.sender.error == "stage 1 (b:2): the model is gone");
  }
  {
    Pair pair;
    pair.open();
    pair.sender.link.write_failed("broken pipe", pair.now);
    pair.pass(milliseconds(400), true);
    CHECK(pair.sender.closes == 0);
    pair.pass(milliseconds(200), true);
    CHECK(contains(pair.sender.error, "was lost: broken pipe"));
  }
}

TEST_CASE("link: versions must be equal, and both are named on both sides") {
  LinkConfig old = link_config(LinkEnd::receiver);
  old.hello.version = "0.9";
  Pair pair(link_config(LinkEnd::sender), old);
  pair.open();
  CHECK(pair.receiver.error ==
        "this is version 0.9, stage 0 (a:1) runs version 1.0: install the same version on both");
  CHECK(pair.sender.error == "stage 1 (b:2): " + pair.receiver.error);
}

TEST_CASE("link: an answer for another session is refused") {
  LinkConfig other = link_config(LinkEnd::receiver);
  other.hello.session = 43;
  Pair pair(link_config(LinkEnd::sender), other);
  pair.open();
  CHECK(contains(pair.sender.error, "another session"));
}

TEST_CASE("link: an owner may refuse; before the link is open the peer is named in front") {
  Pair pair;
  pair.accepts = false;
  pair.open();
  pair.receiver.link.fail("busy with a session of 10.0.0.9", pair.now);
  pair.deliver();
  CHECK(pair.sender.error == "stage 1 (b:2): busy with a session of 10.0.0.9");
  CHECK(pair.receiver.error == "busy with a session of 10.0.0.9");
}

TEST_CASE("link: an error text from the wire is one printable line") {
  Pair pair;
  pair.open();
  pair.receiver.link.fail("two\nlines \x1b[31mred" + std::string(5000, 'x'), pair.now);
  pair.deliver();
  CHECK(pair.sender.error.starts_with("two lines  [31mred"));
  CHECK(pair.sender.error.size() == 2000);
}

TEST_CASE("link: nothing happens after the close, and it closes once") {
  Pair pair;
  pair.open();
  pair.sender.link.fail("enough", pair.now);
  pair.deliver();
  pair.sender.link.fail("again", pair.now);
  pair.sender.link.read_failed("gone");
  pair.sender.link.control(ControlType::plan, "", pair.now);
  pair.sender.link.finish(pair.now);
  pair.receiver.link.grant(1, pair.now);
  pair.receiver.link.bye("", pair.now);
  pair.pass(milliseconds(20000), true);
  CHECK(pair.sender.closes == 1);
  CHECK(pair.receiver.closes == 1);
  CHECK(pair.sender.error == "enough");
  CHECK(pair.receiver.error == "enough");
  CHECK(pair.receiver.credits == 0);
}

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
  header.codec = wire_codec;
  header.epoch = 1;
  header.request_id = id;
  return header;
}

FrameHeader kind_header(FrameKind kind, std::uint8_t codec = 0, std::uint64_t id = 0) {
  FrameHeader header;
  header.kind = kind;
  header.codec = codec;
  header.request_id = id;
  return header;
}

FrameHeader control_header(ControlType type, std::uint64_t id = 0) {
  return kind_header(FrameKind::control, static_cast<std::uint8_t>(type), id);
}

TEST_CASE("link: what the receiver does not let pass") {
  const auto refused = [](FrameHeader header, const char* says) {
    Running pair;
    pair.to_receiver(header);
    CAPTURE(says);
    CHECK(contains(pair.receiver.error, "stage 0 (a:1) broke the protocol: "));
    CHECK(contains(pair.receiver.error, says));
    CHECK(pair.receiver.messages.size() == 1);
    // The culprit is told.
    pair.deliver();
    CHECK(pair.sender.error == pair.receiver.error);
  };
  refused(data_header(0), "request 0 arrived, 1 was next");
  refused(data_header(2), "request 2 arrived, 1 was next");
  FrameHeader header = data_header(1);
  header.epoch = 2;
  refused(header, "a frame of plan 2, this is plan 1");
  header = data_header(1);
  header.codec = 9;
  refused(header, "codec 9");
  header = data_header(1);
  header.kind = FrameKind::result;
  refused(header, "kind 3 does not belong here");
  refused(kind_header(FrameKind::hello), "kind 1 does not belong here");
  refused(kind_header(FrameKind::credit, 0, 1), "kind 4 does not belong here");
  refused(control_header(ControlType::bye), "control message 5");
  refused(control_header(ControlType::ready), "control message 2");
  refused(control_header(ControlType::stats), "control message 3");
  refused(kind_header(FrameKind::control, 77), "control message 77");
  refused(control_header(ControlType::finish, 2), "it sent 2 frames, 1 arrived");
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

TEST_CASE("link: what the sender does not let pass") {
  const auto refused = [](FrameHeader header, const char* says) {
    Running pair;
    pair.to_sender(header);
    CAPTURE(says);
    CHECK(contains(pair.sender.error, "stage 1 (b:2) broke the protocol: "));
    CHECK(contains(pair.sender.error, says));
  };
  refused(data_header(0), "kind 2 does not belong here");
  refused(control_header(ControlType::plan), "control message 1");
  refused(control_header(ControlType::finish), "control message 4");
  refused(control_header(ControlType::bye), "goodbye before the end");
  refused(kind_header(FrameKind::credit, 0, 0), "a credit of 0 frames");
  refused(kind_header(FrameKind::credit, 0, 1025), "a credit of 1025 frames");
  refused(kind_header(FrameKind::credit, 0, 1024), "a credit of 1024 frames");  // with the one left
}

TEST_CASE("link: before the hello only a hello will do") {
  for (const FrameKind kind :
       {FrameKind::tensor, FrameKind::credit, FrameKind::heartbeat, FrameKind::control}) {
    Pair pair;
    pair.receiver.link.begin(pair.now);
    pair.receiver.link.connected(pair.now);
    pair.receiver.link.frame_arrived(make_frame(kind_header(kind), {}), pair.now);
    pair.receiver.collect();
    CHECK(contains(pair.receiver.error, "where a hello belongs"));
  }
  Pair pair;
  pair.receiver.link.begin(pair.now);
  pair.receiver.link.connected(pair.now);
  pair.receiver.link.frame_arrived(text_frame(kind_header(FrameKind::hello), "{}"), pair.now);
  pair.receiver.collect();
  CHECK(contains(pair.receiver.error, "its hello is wrong: field 'version' is missing"));
}

TEST_CASE("link: after the finish only heartbeats and errors may come") {
  for (const FrameHeader& header : {data_header(1), control_header(ControlType::plan),
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

TEST_CASE("link: the sender refuses what the peer could not take") {
  {
    Running pair;
    Message message;
    message.codec = 8;
    pair.sender.link.submit(std::move(message), pair.now);
    pair.deliver();
    CHECK(contains(pair.sender.error, "stage 1 (b:2) cannot decode codec 8"));
    CHECK(pair.receiver.messages.size() == 1);
  }
  {
    Running pair;
    pair.sender.link.control(ControlType::plan, std::string((1 << 20) + 1, 'x'), pair.now);
    pair.deliver();
    CHECK(contains(pair.sender.error, "too long"));
  }
}

TEST_CASE("link: time on the wire and time without credit are told apart") {
  Pair pair;
  pair.open();
  pair.receiver.link.grant(1, pair.now);
  pair.deliver();
  pair.send(0);
  pair.now += milliseconds(300);
  pair.deliver();  // written only now
  CHECK_FALSE(pair.sender.link.may_submit(pair.now));
  pair.now += milliseconds(700);
  CHECK_FALSE(pair.sender.link.may_submit(pair.now));
  pair.receiver.link.consumed(pair.now);
  pair.deliver();
  const LinkStats& stats = pair.sender.link.stats();
  CHECK(stats.sending_s == doctest::Approx(0.3));
  CHECK(stats.credit_wait_s == doctest::Approx(0.7));
  CHECK(stats.images == 2);
  CHECK(stats.elements == 30);
  CHECK(stats.bits == 4);
}

}  // namespace
}  // namespace quantring::net
