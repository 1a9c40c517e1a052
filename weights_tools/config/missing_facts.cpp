#include "weights_tools/config/missing_facts.h"

#include <fmt/format.h>

namespace quantring::weights {
namespace {

std::string text(const Questions& questions) {
  if (questions.size() == 1) return questions.front();
  return fmt::format(
      "{} things must be said with flags, or by the config.json and preprocessor_config.json that "
      "belong beside the file:\n- {}",
      questions.size(), fmt::join(questions, "\n- "));
}

}  // namespace

MissingFacts::MissingFacts(Questions questions)
    : Error(text(questions)), questions_(std::move(questions)) {}

}  // namespace quantring::weights
