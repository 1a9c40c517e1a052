// Bytes from anywhere: as a header, as each JSON that a peer may send, and as what a hop's two ends
// get to read, whole frames made good again so that the fuzzer comes past the checksums.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/hop/link.h"
#include "net/wire/address.h"
#include "net/wire/control.h"
#include "net/wire/crc32c.h"
#include "net/wire/frame.h"
#include "ops/base/error.h"

namespace {

using namespace quantring::net;

// Takes bytes from the front of the input; zeros when it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
  bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  std::string text(std::size_t length) {
    const auto part = left_.first(std::min(length, left_.size()));
    left_ = left_.subspan(part.size());
    return {part.begin(), part.end()};
  }

 private:
  std::span<const std::uint8_t> left_;
};

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename Parse>
void try_parse(Parse parse, const std::string& text) {
  try {
    parse(text);
  } catch (const quantring::Error&) {  // the one exception that may come out of a parser
  }
}

constexpr std::size_t crc_at = frame_header_bytes - 4;

void parse_header(const HeaderBytes& bytes) {
  FrameHeader header;
  if (!read_header(bytes, header).empty()) return;
  require(header.payload_length <= payload_limit(header.kind));
  require(write_header(header) == bytes);
}

// As it is, and with magic, version and checksum made right.
void parse_headers(const std::uint8_t* data, std::size_t size) {
  HeaderBytes bytes{};
  for (std::size_t i = 0; i < std::min(size, bytes.size()); ++i) {
    bytes[i] = static_cast<std::byte>(data[i]);
  }
  parse_header(bytes);
  const HeaderBytes good = write_header(FrameHeader{});
  std::copy(good.begin(), good.begin() + 6, bytes.begin());
  const std::uint32_t crc = crc32c({bytes.data(), crc_at});
  for (std::size_t i = 0; i < 4; ++i) bytes[crc_at + i] = static_cast<std::byte>(crc >> (8 * i));
  parse_header(bytes);
}

void parse_texts(const std::string& text) {
  try_parse(parse_hello, text);
  try_parse(parse_bye, text);
  try_parse(parse_stage_stats, text);
  try_parse(parse_address, text);
  try_parse(
      [](const std::string& json) {
        const Plan plan = parse_plan(json);
        require(plan.stage < static_cast<int>(plan.stages.size()));
        require(parse_plan(plan_json(plan)).stages.size() == plan.stages.size());
      },
      text);
}

LinkConfig config(LinkEnd end, FrameKind data) {
  LinkConfig config;
  config.end = end;
  config.data = data;
  config.hello.version = "1";
  config.peer = "peer";
  return config;
}

// A frame whose fields come from the input; the payload is often one that would be right.
Frame some_frame(Input& input) {
  FrameHeader header;
  header.kind = static_cast<FrameKind>(1 + input.byte() % 7);
  header.control = input.byte() % 8;
  header.epoch = input.byte() % 4 ? 1 : 2;
  header.request_id = input.byte() % 16;
  const std::uint8_t shape = input.byte();
  std::string payload;
  if (shape % 4 == 0) {
    payload = input.text(shape);
  } else if (header.kind == FrameKind::hello) {
    Hello hello;
    hello.version = shape % 8 == 1 ? "2" : "1";
    payload = hello_json(hello);
  }
  Frame frame = text_frame(header, payload);
  if (shape == 255) frame.header.payload_crc ^= 1;
  return frame;
}

void drive_link(Input& input) {
  const std::uint8_t kind = input.byte();
  const bool receiver = kind & 1;
  Link link(config(receiver ? LinkEnd::receiver : LinkEnd::sender,
                   kind & 2 ? FrameKind::result : FrameKind::tensor));
  Time now{};
  std::uint64_t delivered = 0, granted = 0, submitted = 0;
  int closes = 0;
  link.begin(now);
  for (int steps = 0; !input.empty() && steps < 400; ++steps) {
    switch (input.byte() % 16) {
      case 0:
        link.connected(now);
        break;
      case 1:
        link.bytes_arrived(input.byte(), now);
        break;
      case 2:
        now += std::chrono::milliseconds(10 * input.byte());
        break;
      case 3:
        link.tick(now);
        break;
      case 4:
        link.frame_written(now);
        break;
      case 5:
        link.accept(config(LinkEnd::receiver, FrameKind::tensor).hello, now);
        break;
      case 6:
        if (receiver && link.open()) {
          granted += 2;
          link.grant(2, now);
        }
        break;
      case 7:
        if (link.may_submit(now) && !receiver) {
          Message message;
          message.request_id = submitted++;
          link.submit(std::move(message), now);
        }
        break;
      case 8:
        if (!receiver) link.finish(now);
        break;
      case 9:
        if (receiver) link.bye("[]", now);
        break;
      case 10:
        link.read_failed("gone");
        break;
      case 11:
        link.write_failed("gone", now);
        break;
      case 12:
        link.bad_bytes("odd");
        break;
      case 13:
        if (!receiver) link.instruct(input.text(input.byte()), now);
        break;
      default:
        link.frame_arrived(some_frame(input), now);
    }
    for (const Action& action : link.take_actions()) {
      require(closes == 0);  // nothing comes after Closed
      if (const auto* message = std::get_if<Delivered>(&action)) {
        require(receiver && message->message.request_id == delivered);
        require(++delivered <= granted);
      }
      if (std::holds_alternative<Closed>(action)) ++closes;
    }
    require(link.closed() == (closes == 1));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse_headers(data, size);
  parse_texts({reinterpret_cast<const char*>(data), size});
  Input input(data, size);
  drive_link(input);
  return 0;
}
