#include "apps/session/ring/link_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/base/error.h"

namespace quantring {
namespace {

void check_applies(bool given, const std::string& setting, Policy policy) {
  if (!given || applies_to(setting, policy)) return;
  throw OptionError(fmt::format("--{} applies to {}, and the policy is {}: add --policy", setting,
                                policies_with(setting), policy_name(policy)));
}

// The flag's; else the file's where it applies to the policy, which a flag may have changed.
template <typename T>
std::optional<T> merged(const std::optional<T>& flag, const std::optional<T>& file,
                        const char* setting, Policy policy) {
  check_applies(flag.has_value(), setting, policy);
  if (flag) return flag;
  return applies_to(setting, policy) ? file : std::nullopt;
}

// What a policy starts from when no codec was named. The paper's own is ds-aciq.
CodecSpec default_start(Policy policy) {
  if (policy == Policy::quantpipe) return {CodecId::ds_aciq, 16};
  return {CodecId::raw32, 32};
}

}  // namespace

std::optional<Policy> LinkChoice::effective_policy() const {
  if (policy) return policy;
  if (codec) return Policy::fixed;
  return std::nullopt;
}

bool applies_to(const std::string& setting, Policy policy) {
  if (setting == "target") return policy != Policy::fixed;
  return policy == Policy::ladder;
}

std::string policies_with(const std::string& setting) {
  return setting == "target" ? "policy ladder or quantpipe" : "policy ladder";
}

Ladder named_or_default(const std::optional<std::string>& named) {
  return named ? read_ladder(*named) : default_ladder();
}

ControllerOptions choose_links(const LinkChoice& flags, const LinkChoice& file,
                               const LadderSource& ladder_of) {
  ControllerOptions options;
  // A flag that needs a policy outranks a codec alone in the file, which is then the initial one.
  const bool flags_need_policy = flags.target_rate || flags.floor || flags.ladder;
  const auto from_file = flags_need_policy ? file.policy : file.effective_policy();
  options.policy = flags.effective_policy().value_or(from_file.value_or(Policy::ladder));
  const Policy policy = options.policy;
  options.start = default_start(policy);
  // A codec of the file is initial for the file's policy, not for a policy set by a flag.
  const bool file_policy = !flags.effective_policy() || flags.policy == Policy::fixed;
  if (file.codec && file_policy) options.start = *file.codec;
  if (flags.codec) options.start = *flags.codec;
  options.target_rate = merged(flags.target_rate, file.target_rate, "target", policy).value_or(0);
  const auto floor = merged(flags.floor, file.floor, "floor", policy);
  const auto ladder = merged(flags.ladder, file.ladder, "ladder", policy);
  if (policy == Policy::ladder) {
    options.ladder = ladder_of(ladder);
    options.floor = floor.value_or(std::min(default_floor, options.ladder.front().agreement));
  }
  options.pixels = flags.pixels ? flags.pixels : file.pixels;
  try {
    Controller{options};  // checks the combination
  } catch (const Error& error) {
    if (flags.effective_policy()) throw OptionError(error.what());
    throw;
  }
  return options;
}

}  // namespace quantring
