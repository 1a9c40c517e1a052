#include "engine/control/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/control/link_policy.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

struct PolicyRow {
  Policy policy;
  std::string_view name, old_name;  // up to 0.1
};

constexpr std::array<PolicyRow, 3> policies{{
    {Policy::fixed, "fixed", ""},
    {Policy::quantpipe, "quantpipe", "paper"},
    {Policy::ladder, "ladder", "ring"},
}};

constexpr std::size_t max_decisions = 64;
constexpr int max_controller_window = 100000;
// Per micro-batch; net/wire/frame.h, which the engine cannot include.
constexpr double frame_header_bytes = 56;

void check_point(CodecSpec codec, const char* what) {
  if (!codec_valid(codec) || codec.id == CodecId::pixels) {
    throw Error(fmt::format("{} is {} with {} bits, which cannot code a link", what,
                            static_cast<int>(codec.id), codec.bits));
  }
}

void check_ladder(const Ladder& ladder, double floor) {
  if (ladder.empty())
    throw Error("policy ladder has no operating points to choose from: the ladder is empty");
  for (const OperatingPoint& point : ladder) {
    check_point(point.codec, "a point of the ladder");
    if (!(point.agreement >= 0 && point.agreement <= 100))
      throw Error(fmt::format("the ladder's {} has an agreement of {}: it is a percentage",
                              codec_text(point.codec), point.agreement));
  }
  for (std::size_t i = 1; i < ladder.size(); ++i) {
    if (!(ladder[i].agreement < ladder[i - 1].agreement) ||
        !takes_fewer_bytes(ladder[i].codec, ladder[i - 1].codec))
      throw Error(fmt::format("the ladder's {} is neither coarser nor smaller than {} before it",
                              codec_text(ladder[i].codec), codec_text(ladder[i - 1].codec)));
  }
  if (!(floor >= 0 && floor <= 100))
    throw Error(fmt::format("an accuracy floor of {} is not a percentage: use 0 to 100", floor));
  if (floor > ladder.front().agreement)
    throw Error(
        fmt::format("the accuracy floor of {} % is above every point of the ladder: the best is {} "
                    "with {} %",
                    floor, codec_text(ladder.front().codec), ladder.front().agreement));
}

void check(const ControllerOptions& options) {
  check_point(options.start, "the start");
  if (!(std::isfinite(options.target_rate) && options.target_rate >= 0))
    throw Error(
        fmt::format("a target of {} images/s is not valid: use 0 or more", options.target_rate));
  if (options.window < 2 || options.window > max_controller_window)
    throw Error(fmt::format("a window of {} micro-batches is not valid: use 2 to {}",
                            options.window, max_controller_window));
  if (options.policy == Policy::quantpipe && needs_tables(options.start.id))
    throw Error(
        fmt::format("policy quantpipe chooses 2 to 16 bits, which {} does not have: start with one "
                    "such as ds-aciq 8, or use policy ladder",
                    codec_name(options.start.id)));
  if (options.policy == Policy::quantpipe && !has_widths(options.start.id))
    throw Error(
        fmt::format("policy quantpipe chooses the width of a codec, and {} has only one: start "
                    "with one such as ds-aciq 8",
                    codec_name(options.start.id)));
  if (options.policy == Policy::quantpipe && !codec_valid({options.start.id, 16}))
    throw Error(
        fmt::format("policy quantpipe chooses 2, 4, 8 or 16 bits, and {} takes {}: start with one "
                    "such as ds-aciq 8",
                    codec_name(options.start.id), find_codec(options.start.id)->widths_text()));
  if (options.policy == Policy::ladder) check_ladder(options.ladder, options.floor);
}

std::unique_ptr<LinkPolicy> make_policy(const ControllerOptions& options) {
  check(options);
  if (options.policy == Policy::quantpipe) return make_quantpipe_policy(options);
  if (options.policy == Policy::ladder) return make_ladder_policy(options);
  return nullptr;
}

bool shape_valid(TensorShape shape) {
  constexpr std::uint64_t max_elements = std::uint64_t{1} << 40;  // expected_bits refuses more
  const std::uint64_t rows = std::uint64_t{shape.images} * shape.tokens;
  return rows != 0 && shape.dim != 0 && shape.dim <= max_elements / rows;
}

double positive_or_zero(double value) {
  return std::isfinite(value) && value > 0 ? value : 0;
}

LinkObservation sanitized(LinkObservation link) {
  link.time_s = std::isfinite(link.time_s) ? link.time_s : 0;
  link.sending_s = positive_or_zero(link.sending_s);
  link.credit_wait_s = positive_or_zero(link.credit_wait_s);
  link.needed_rate = positive_or_zero(link.needed_rate);
  if (link.floor) link.floor = std::min(positive_or_zero(*link.floor), 100.0);
  link.capacity_bps = positive_or_zero(link.capacity_bps);
  if (link.capacity_bps == 0) link.capacity = Capacity::unknown;
  if (link.capacity == Capacity::unknown) link.capacity_bps = 0;
  return link;
}

}  // namespace

Policy parse_policy(std::string_view name) {
  for (const PolicyRow& row : policies)
    if (row.name == name || (!row.old_name.empty() && row.old_name == name)) return row.policy;
  throw Error(fmt::format("policy '{}' is not known: fixed, quantpipe and ladder are", name));
}

std::string policy_name(Policy policy) {
  for (const PolicyRow& row : policies)
    if (row.policy == policy) return std::string(row.name);
  return fmt::format("policy {}", static_cast<int>(policy));
}

double bits_per_image(CodecSpec codec, TensorShape shape) {
  return (expected_bits(codec, shape) + 8 * frame_header_bytes) / shape.images;
}

double target_rate(const ControllerOptions& options, const LinkObservation& link) {
  if (options.target_rate <= 0 || link.needed_rate <= 0)
    return std::max(options.target_rate, link.needed_rate);
  return std::min(options.target_rate, link.needed_rate);
}

Controller::Controller(ControllerOptions options)
    : policy_(make_policy(options)), current_(policy_ ? policy_->start() : options.start) {}

Controller::~Controller() = default;
Controller::Controller(Controller&&) noexcept = default;
Controller& Controller::operator=(Controller&&) noexcept = default;

CodecSpec Controller::choose(const LinkObservation& link) {
  const std::uint64_t frame = frame_++;
  if (!policy_ || !shape_valid(link.next)) return current_;
  const LinkObservation known = sanitized(link);
  std::optional<Decision> decision = policy_->decide(known, frame);
  if (!decision) return current_;
  decision->frame = frame;
  decision->time_s = known.time_s;
  current_ = decision->to;
  decisions_.push_back(*std::move(decision));
  if (decisions_.size() > max_decisions) decisions_.pop_front();
  ++decision_count_;
  return current_;
}

}  // namespace quantring
