// Paced links over loopback: the rate that they carry, and the reading of the sender's meter.
#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

class Drop final : public StageWorker {
 public:
  void submit(Message&) override {}
  void collect(Message&) override {}
};

// Seconds from the first result to the last: the start of a connection is not the rate of a link.
double seconds_for(RingHead& head, std::uint64_t frames, std::size_t bytes) {
  std::thread feeder([&] {
    for (std::uint64_t i = 0; i < frames; ++i) {
      Message message;
      message.payload.resize(bytes);
      head.submit(std::move(message));
    }
    head.close_input();
  });
  head.next_result();
  const auto start = std::chrono::steady_clock::now();
  while (head.next_result()) {
  }
  feeder.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_CASE("a paced link carries its rate, and its sender measures it, for long and short frames") {
  struct Case {
    std::uint64_t bits_per_second;
    std::size_t frame_bytes;
    std::uint64_t frames;
  };
  const Case cases[] = {{100'000'000, 300'000, 100},
                        {20'000'000, 300'000, 21},
                        {20'000'000, 10'000, 501},
                        {1'000'000, 10'000, 41}};
  for (const Case& each : cases) {
    const auto pace = static_cast<double>(each.bits_per_second);
    double rate = 0, measured = 0;
    // One reading of a busy machine may be wrong: delayed acknowledgements arrive together. A
    // wrong meter is wrong every time.
    for (int attempt = 0; attempt < 5; ++attempt) {
      NodeThread node([](const std::string&, int, int) { return std::make_unique<Drop>(); });
      HeadOptions options = head_for({node.address()});
      options.link_bits_per_second = each.bits_per_second;
      RingHead head(options);
      const double seconds = seconds_for(head, each.frames, each.frame_bytes);
      measured = head.finish().input.capacity_bps;
      rate = static_cast<double>((each.frames - 1) * each.frame_bytes) * 8 / seconds;
      MESSAGE(
          fmt::format("{} Mbit/s, frames of {} KB: carried {:.2f} Mbit/s, measured {:.2f} Mbit/s",
                      pace / 1e6, each.frame_bytes / 1000, rate / 1e6, measured / 1e6));
      if (rate < 1.1 * pace && measured > 0 && measured < 1.1 * pace) break;
    }
    // Never faster than the pace, on any machine.
    CHECK(rate < 1.1 * pace);
    CHECK(measured < 1.1 * pace);
    CHECK(measured > 0);
  }
}

TEST_CASE("what an unpaced loopback link carries") {
  NodeThread node([](const std::string&, int, int) { return std::make_unique<Drop>(); });
  RingHead head(head_for({node.address()}));
  constexpr std::uint64_t frames = 1000;
  constexpr std::size_t bytes = 1'000'000;
  const double seconds = seconds_for(head, frames, bytes);
  MESSAGE(fmt::format("{:.2f} GB/s", static_cast<double>(frames * bytes) / seconds / 1e9));
  head.finish();
}

}  // namespace
}  // namespace quantring::net
