#pragma once
// How links between stages are coded: settings of flags and of the ring file, and the options of
// every sender's controller that follow from them.

#include <functional>
#include <optional>
#include <string>

#include "engine/codec/codec.h"
#include "engine/control/controller.h"

namespace quantring {

// Limits of settings, also of a plan from the network.
inline constexpr double min_target_rate = 1e-3, max_target_rate = 1e6;  // images/s
inline constexpr int min_window = 2, max_window = 10000;                // micro-batches

inline constexpr double default_floor = 90;  // percent, of policy ladder

// Settings of one source, which may leave any of them out.
struct LinkChoice {
  std::optional<Policy> policy;
  std::optional<CodecSpec> codec;     // initial; for fixed: constant
  std::optional<double> target_rate;  // images/s
  std::optional<double> floor;        // min. agreement of the ring's answers, percent
  std::optional<std::string> ladder;  // file
  std::optional<CodecSpec> pixels;    // of the head's link; nothing: chosen while the ring runs

  // The policy: fixed where only a codec is given; nothing when neither is.
  std::optional<Policy> effective_policy() const;
};

// What policy ladder chooses from, if a file is named and if none is.
using LadderSource = std::function<Ladder(const std::optional<std::string>& named)>;
Ladder named_or_default(const std::optional<std::string>& named);

// Flags win over the ring file, key by key, and a flag about the rate over a codec alone in the
// file; with neither it is policy ladder from raw32, at the rate of the slowest part of the ring,
// with the default floor. The floor of the result is the ring's (engine/control/ring_target.h).
// Throws Error naming the flag that does not apply to the policy.
ControllerOptions choose_links(const LinkChoice& flags, const LinkChoice& file,
                               const LadderSource& ladder_of = named_or_default);

// Policies that a setting ("target", "floor", "ladder") applies to, and whether this is one.
bool applies_to(const std::string& setting, Policy policy);
std::string policies_with(const std::string& setting);

}  // namespace quantring
