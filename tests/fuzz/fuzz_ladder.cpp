// A ladder's JSON, a zero byte, and then the input of a controller with that ladder: floor, target,
// window, policy and start (f64, f64, u8, u8, u8), and observations of 8 fields each.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine/control/controller.h"
#include "engine/control/ladder.h"
#include "ops/base/error.h"
#include "tests/fuzz/fuzz_input.h"

using namespace quantring;
using fuzz::Input;

namespace {

LinkObservation take_observation(Input& input) {
  LinkObservation link;
  link.time_s = input.take<double>();
  link.frames = input.take<std::uint16_t>();
  link.images = input.take<std::uint32_t>();
  link.payload_bytes = input.take<std::uint32_t>();
  link.sending_s = input.take<double>();
  link.capacity = static_cast<Capacity>(input.take<std::uint8_t>() % 3);
  link.capacity_bps = input.take<double>();
  link.needed_rate = input.take<float>();
  const auto floor = input.take<std::uint8_t>();
  if (floor < 128) link.floor = floor;
  link.next = {input.take<std::uint32_t>(), 197, 192};
  return link;
}

double agreement_of(const Ladder& ladder, CodecSpec codec) {
  for (const OperatingPoint& point : ladder)
    if (point.codec == codec) return point.agreement;
  std::abort();
}

void drive(const Ladder& ladder, Input input) {
  ControllerOptions options;
  options.ladder = ladder;
  options.floor = input.take<double>();
  options.target_rate = input.take<double>();
  options.window = input.take<std::uint8_t>();
  options.policy = static_cast<Policy>(input.take<std::uint8_t>() % 3);
  options.start = ladder[input.take<std::uint8_t>() % ladder.size()].codec;
  Controller controller(options);
  while (!input.empty()) {
    const LinkObservation link = take_observation(input);
    // A reading often comes more than once, and only then is it acted on.
    for (int i = 0; i < 4; ++i) {
      const CodecSpec codec = controller.choose(link);
      if (!codec_valid(codec) || !(codec == controller.current())) std::abort();
      if (options.policy == Policy::fixed && !(codec == options.start)) std::abort();
      if (options.policy == Policy::ladder && agreement_of(ladder, codec) < options.floor)
        std::abort();
    }
  }
  for (const Decision& decision : controller.decisions()) {
    if (decision.cause.empty() || decision.cause.find('\n') != std::string::npos) std::abort();
    if (!std::isfinite(decision.target_rate) || !std::isfinite(decision.time_s)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint8_t* end = std::find(data, data + size, std::uint8_t{0});
  const std::size_t used = std::min(static_cast<std::size_t>(end - data) + 1, size);
  try {
    const Ladder ladder = ladder_from_json(std::string(data, end));
    if (ladder.empty()) std::abort();
    for (std::size_t i = 1; i < ladder.size(); ++i) {
      if (!(ladder[i].agreement < ladder[i - 1].agreement)) std::abort();
    }
    if (!(ladder_from_json(ladder_to_json(ladder)) == ladder)) std::abort();
    drive(ladder, Input(data + used, size - used));
  } catch (const Error& error) {
    // A message of one line.
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
