#include "apps/doctor/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/base/json.h"

namespace quantring::apps {
namespace {

using nlohmann::ordered_json;

const char* severity_name(Severity severity) {
  constexpr const char* names[] = {"ok", "note", "warning", "problem"};
  return names[static_cast<int>(severity)];
}

const char* severity_colour(Severity severity) {
  constexpr const char* colours[] = {"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[31m"};
  return colours[static_cast<int>(severity)];
}

int count(const std::vector<Section>& sections, Severity severity) {
  std::ptrdiff_t sum = 0;
  for (const Section& section : sections) {
    sum += std::count_if(section.findings.begin(), section.findings.end(),
                         [=](const Finding& each) { return each.severity == severity; });
  }
  return static_cast<int>(sum);
}

std::string counted(int number, const char* what) {
  return fmt::format("{} {}{}", number == 0 ? "no" : std::to_string(number), what,
                     number == 1 ? "" : "s");
}

// Names of machines and cameras are untrusted: no escape sequences to the terminal.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

}  // namespace

bool any_problem(const std::vector<Section>& sections) {
  return count(sections, Severity::problem) > 0;
}

std::string findings_text(const std::vector<Section>& sections, bool colour) {
  constexpr std::size_t mark_width = 7;  // "problem"
  std::string text;
  for (const Section& section : sections) {
    if (section.findings.empty()) continue;
    std::size_t width = 0;
    for (const Finding& each : section.findings) width = std::max(width, each.subject.size());
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", section.title);
    for (const Finding& each : section.findings) {
      const std::string mark = fmt::format("{:<{}}", severity_name(each.severity), mark_width);
      text += fmt::format(
          "  {}  {:<{}}  {}\n",
          colour ? fmt::format("{}{}\x1b[0m", severity_colour(each.severity), mark) : mark,
          each.subject, width, one_line(each.found));
      if (each.remedy.empty()) continue;
      text +=
          fmt::format("{:{}}-> {}\n", "", 2 + mark_width + 2 + width + 2, one_line(each.remedy));
    }
  }
  return text + fmt::format("\n{}, {}\n", counted(count(sections, Severity::problem), "problem"),
                            counted(count(sections, Severity::warning), "warning"));
}

std::string findings_json(const std::vector<Section>& sections) {
  ordered_json list = ordered_json::array();
  for (const Section& section : sections) {
    if (section.findings.empty()) continue;
    ordered_json findings = ordered_json::array();
    for (const Finding& each : section.findings) {
      ordered_json entry = {{"severity", severity_name(each.severity)},
                            {"subject", each.subject},
                            {"found", one_line(each.found)}};
      if (!each.remedy.empty()) entry["remedy"] = one_line(each.remedy);
      findings.push_back(std::move(entry));
    }
    list.push_back({{"title", section.title}, {"findings", std::move(findings)}});
  }
  const ordered_json whole = {{"schema", "quantring.doctor/1"},
                              {"version", QUANTRING_VERSION},
                              {"problems", count(sections, Severity::problem)},
                              {"warnings", count(sections, Severity::warning)},
                              {"sections", std::move(list)}};
  return json_text(whole, 2) + "\n";
}

}  // namespace quantring::apps
