#pragma once
// How the links between stages are to be coded: what a person said in flags and in the ring file,
// and what that makes of every sender's controller.

#include <optional>
#include <string>

#include "engine/codec/codec.h"
#include "engine/control/controller.h"

namespace quantring {

// Bounds of what a person, or a plan, may say.
inline constexpr double min_target_rate = 1e-3, max_target_rate = 1e6;  // images/s
inline constexpr int min_window = 2, max_window = 10000;                // micro-batches

// Of one source; what is not set was not said.
struct LinkChoice {
  std::optional<Policy> policy;
  std::optional<CodecSpec> codec;     // where the policy starts; for fixed: all there is
  std::optional<double> target_rate;  // images/s
  std::optional<double> floor;        // least agreement, percent
  std::optional<std::string> ladder;  // file

  // The policy that is meant: a codec alone is fixed. Nothing when nothing says it.
  std::optional<Policy> meant_policy() const;
};

// Flags win over the ring file, key by key; with neither it is policy ladder from raw32, at the
// rate of the slowest stage. Throws Error naming the flag that has no meaning with the policy.
ControllerOptions choose_links(const LinkChoice& flags, const LinkChoice& file);

// Which policies a setting ("target", "floor", "ladder") is about, and whether this is one.
bool has_meaning(const std::string& setting, Policy policy);
std::string policies_with(const std::string& setting);

}  // namespace quantring
