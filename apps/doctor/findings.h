#pragma once
// What `quantring doctor` found, and how it is told.

#include <cstdint>
#include <string>
#include <vector>

namespace quantring::apps {

enum class Severity : std::uint8_t {
  ok,
  note,     // worth knowing
  warning,  // it works, and not as well as it could
  problem,  // it does not work
};

struct Finding {
  Severity severity = Severity::ok;
  std::string subject;  // "governor"
  std::string found;    // one line
  std::string remedy;   // what to do about it, one line; may be empty
};

struct Section {
  std::string title;
  std::vector<Finding> findings;
};

bool any_problem(const std::vector<Section>& sections);

// Aligned lines under a heading for each section that has findings, remedies beneath what they
// remedy, and a line that sums up. colour: of the marks, for a terminal.
std::string findings_text(const std::vector<Section>& sections, bool colour);

// One object: "version", "problems", "warnings", and "sections" of the same findings.
std::string findings_json(const std::vector<Section>& sections);

}  // namespace quantring::apps
