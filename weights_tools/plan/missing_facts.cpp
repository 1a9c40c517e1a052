#include "weights_tools/plan/missing_facts.h"

#include <fmt/format.h>

namespace quantring::weights {
namespace {

std::string text(const std::vector<std::string>& facts) {
  if (facts.size() == 1) return facts.front();
  return fmt::format(
      "{} facts must be given by flags, or by the config.json and preprocessor_config.json that "
      "belong beside the file:\n- {}",
      facts.size(), fmt::join(facts, "\n- "));
}

}  // namespace

MissingFacts::MissingFacts(std::vector<std::string> facts)
    : OptionError(text(facts)), facts_(std::move(facts)) {}

}  // namespace quantring::weights
