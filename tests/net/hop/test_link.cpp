// Every transition and every deadline of a hop, in simulated time.
#include "tests/net/hop/link_pair.h"

namespace quantring::net {
namespace {

TEST_CASE("link: hello, credit, frames, finish, bye") {
  Pair pair;
  pair.open();
  REQUIRE(pair.sender.link.open());
  REQUIRE(pair.receiver.link.open());
  CHECK(pair.receiver.hello->role == Role::stage);
  CHECK(pair.receiver.hello->session == 42);
  CHECK(pair.sender.hello->role == Role::node);

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
  // A late goodbye: heartbeats continue.
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

std::string instructions_at(const End& end) {
  std::string all;
  for (const Control& control : end.controls) {
    if (control.type == ControlType::instruct) all += control.json + ";";
  }
  return all;
}

TEST_CASE("link: an instruction is sent at once; of further ones only the latest") {
  Pair pair;
  pair.sender.link.instruct("too early", pair.now);
  pair.open();
  pair.sender.link.instruct("a", pair.now);
  pair.deliver();
  CHECK(instructions_at(pair.receiver) == "a;");
  for (const char* text : {"b", "c", "d"}) pair.sender.link.instruct(text, pair.now);
  pair.sender.collect();
  CHECK(pair.sender.wire.size() == 1);  // the queue does not grow
  pair.deliver();
  CHECK(instructions_at(pair.receiver) == "a;b;d;");
  // A waiting instruction is sent before a frame that was submitted after it.
  pair.receiver.link.grant(1, pair.now);
  pair.deliver();
  for (const char* text : {"x", "y"}) pair.sender.link.instruct(text, pair.now);
  pair.send(0);
  REQUIRE(pair.sender.wire.size() == 3);
  CHECK(pair.sender.wire[1].header.kind == FrameKind::control);
  pair.deliver();
  pair.receiver.controls.clear();
  // A waiting instruction is sent before the finish, and none after it.
  for (const char* text : {"e", "f"}) pair.sender.link.instruct(text, pair.now);
  pair.sender.link.finish(pair.now);
  pair.sender.link.instruct("too late", pair.now);
  pair.deliver();
  CHECK(instructions_at(pair.receiver) == "e;f;");
  CHECK(pair.receiver.finished == 1);
  CHECK(pair.receiver.closes == 0);
}

TEST_CASE("link: an idle pair stays open by heartbeats, and only by them") {
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
  // Traffic replaces them.
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

TEST_CASE("link: bytes of an incomplete frame show that the peer is alive") {
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

TEST_CASE("link: within a frame a slow link may pause for longer") {
  Pair pair;
  pair.open();
  pair.receiver.link.grant(1, pair.now);
  Message message;
  message.images = 1;
  message.payload.resize(1000);
  const Frame frame = message_frame(FrameKind::tensor, 1, std::move(message));
  REQUIRE(pair.receiver.link.header_arrived(frame.header));
  pair.pass(milliseconds(9000), true);
  CHECK(pair.receiver.closes == 0);
  pair.pass(milliseconds(2000), true);
  CHECK(contains(pair.receiver.error, "silent for 10.0 s"));
}

TEST_CASE("link: a frame that takes too long is named where the link is lost") {
  for (const bool slow : {false, true}) {
    Pair pair;
    pair.open();
    pair.receiver.link.grant(1, pair.now);
    pair.deliver();
    pair.send(0);
    for (int i = 0; i < 80; ++i) {
      pair.now += tick_every;
      if (slow) pair.sender.link.bytes_written(pair.now);
      if (i < 50) pair.sender.link.bytes_arrived(1, pair.now);
      pair.sender.link.tick(pair.now);
    }
    pair.sender.collect();
    CHECK(contains(pair.sender.error, "silent for 2.5 s"));
    CHECK(contains(pair.sender.error, "the link is too slow for this coding") == slow);
  }
}

TEST_CASE("link: a suspension of this process is not the peer's silence") {
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

TEST_CASE("link: each step of the handshake has a deadline") {
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

TEST_CASE("link: a peer that reads no bytes for 10 s is lost, a slow one is not") {
  Pair pair;
  pair.open();
  pair.receiver.link.grant(2, pair.now);
  pair.deliver();
  pair.send(0);
  const auto stuck_for = [&pair](int tenths, bool progress) {
    for (int i = 0; i < tenths; ++i) {
      pair.now += tick_every;
      pair.sender.link.bytes_arrived(1, pair.now);  // it is alive
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
  CHECK(contains(pair.sender.error, "it read no data for 10 s"));
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

TEST_CASE("link: after a failed write, the peer's error text is preferred for a short time") {
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

TEST_CASE("link: an owner may refuse; before the link is open the peer's name is put in front") {
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

TEST_CASE("link: time on the wire and time without credit are counted separately") {
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
}

}  // namespace
}  // namespace quantring::net
