#pragma once
// Number formats of the findings, and a list to collect findings in.

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "apps/doctor/findings.h"

namespace quantring::apps {

inline std::string gigabytes(std::uint64_t bytes) {
  return bytes < 1'000'000'000 ? fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6)
                               : fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

inline std::string megahertz(double hertz) {
  return fmt::format("{:.0f} MHz", hertz / 1e6);
}

// The findings of one check, in order.
class FindingList {
 public:
  void ok(std::string subject, std::string found) {
    add(Severity::ok, std::move(subject), std::move(found), {});
  }
  void note(std::string subject, std::string found, std::string remedy = {}) {
    add(Severity::note, std::move(subject), std::move(found), std::move(remedy));
  }
  void warning(std::string subject, std::string found, std::string remedy) {
    add(Severity::warning, std::move(subject), std::move(found), std::move(remedy));
  }
  void problem(std::string subject, std::string found, std::string remedy) {
    add(Severity::problem, std::move(subject), std::move(found), std::move(remedy));
  }
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  void add(Severity severity, std::string subject, std::string found, std::string remedy) {
    findings_.push_back({severity, std::move(subject), std::move(found), std::move(remedy)});
  }
  std::vector<Finding> findings_;
};

}  // namespace quantring::apps
