#pragma once
// Findings of `quantring doctor`, and their output as text and JSON.

#include <cstdint>
#include <string>
#include <vector>

namespace quantring::apps {

enum class Severity : std::uint8_t {
  ok,
  note,     // worth knowing
  warning,  // works, but not as well as it could
  problem,  // does not work
};

struct Finding {
  Severity severity = Severity::ok;
  std::string subject;  // "governor"
  std::string found;    // one line
  std::string remedy;   // one line; may be empty
};

struct Section {
  std::string title;
  std::vector<Finding> findings;
};

bool any_problem(const std::vector<Section>& sections);

// Aligned lines under a heading per section that has findings, each remedy below its finding, and a
// summary line. colour: colours the severities, for a terminal.
std::string findings_text(const std::vector<Section>& sections, bool colour);

// One object: "version", "problems", "warnings", and "sections" with the findings.
std::string findings_json(const std::vector<Section>& sections);

}  // namespace quantring::apps
