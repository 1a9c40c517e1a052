// A peer with protocol version 1: both ends report the mismatch, whichever connects.
#include <cstring>

#include "tests/net/hop/link_pair.h"
#include "tests/net/hop/version1_hello.h"

namespace quantring::net {
namespace {

// As Connection does with the first bytes that arrive.
void read_first(End& end, const std::string& bytes) {
  REQUIRE(bytes.size() >= frame_header_bytes);
  HeaderBytes header;
  std::memcpy(header.data(), bytes.data(), header.size());
  FrameHeader read;
  const std::string wrong = read_header(header, read);
  REQUIRE_FALSE(wrong.empty());
  end.link.bad_bytes(wrong);
  end.collect();
}

std::string bytes_sent(const End& end) {
  std::string all;
  for (const Frame& frame : end.wire) {
    const HeaderBytes header = write_header(frame.header);
    all.append(reinterpret_cast<const char*>(header.data()), header.size());
    all += payload_text(frame);
  }
  return all;
}

constexpr const char* mismatch =
    "speaks protocol version 1, this build speaks 2: install the same version on both";

TEST_CASE("protocol version: the recorded hello is a whole frame of version 1") {
  const std::string hello = version1_hello();
  CHECK(hello.size() == 56 + 97);
  CHECK_FALSE(version1_sees_mismatch(hello));
}

TEST_CASE("protocol version: a version 1 peer that connects is refused and can tell why") {
  Pair pair;
  pair.receiver.link.begin(pair.now);
  pair.receiver.link.connected(pair.now);
  read_first(pair.receiver, version1_hello());
  CHECK(pair.receiver.error == std::string("stage 0 (a:1): ") + mismatch);
  CHECK(version1_sees_mismatch(bytes_sent(pair.receiver)));
}

TEST_CASE("protocol version: a version 1 peer that is connected to is refused and can tell why") {
  Pair pair;
  pair.sender.link.begin(pair.now);
  pair.sender.link.connected(pair.now);
  pair.sender.collect();
  CHECK(version1_sees_mismatch(bytes_sent(pair.sender)));  // the hello alone
  read_first(pair.sender, version1_hello());
  CHECK(pair.sender.error == std::string("stage 1 (b:2): ") + mismatch);
}

}  // namespace
}  // namespace quantring::net
