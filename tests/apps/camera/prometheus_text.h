#pragma once
// A strict parser of Prometheus's text format, for tests.

#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

namespace quantring::test {

using Labels = std::map<std::string, std::string>;

struct MetricFamily {
  std::string type, help;
  std::map<Labels, std::string> samples;                       // the value as text
  std::map<std::string, std::map<Labels, std::string>> parts;  // "_sum", "_count" of a summary
};

inline Labels read_labels(const std::string& text) {
  static const std::regex label(R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)")re");
  Labels labels;
  std::size_t at = 0;
  for (std::sregex_iterator found(text.begin(), text.end(), label), end; found != end; ++found) {
    if (found->position() != static_cast<std::ptrdiff_t>(at)) break;
    std::string value;
    const std::string raw = (*found)[2];
    for (std::size_t i = 0; i < raw.size(); ++i) {
      value += raw[i] != '\\' ? raw[i] : raw[++i] == 'n' ? '\n' : raw[i];
    }
    labels[(*found)[1]] = value;
    at += static_cast<std::size_t>(found->length());
    if (at < text.size() && text[at] == ',') ++at;
  }
  if (at != text.size()) throw std::runtime_error("labels: " + text);
  return labels;
}

inline std::map<std::string, MetricFamily> read_prometheus(const std::string& text) {
  static const std::regex help("# HELP ([a-z_:0-9]+) (.+)");
  static const std::regex type("# TYPE ([a-z_:0-9]+) (counter|gauge|summary)");
  static const std::regex sample(R"(([a-z_:0-9]+)(?:\{(.*)\})? (\S+))");
  std::map<std::string, MetricFamily> families;
  std::string current;  // the lines of a family must be contiguous
  std::istringstream lines(text);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, help)) {
      current = match[1];
      if (families.count(current) > 0) throw std::runtime_error("twice: " + current);
      families[current].help = match[2];
    } else if (std::regex_match(line, match, type)) {
      if (match[1] != current || !families[current].type.empty()) throw std::runtime_error(line);
      families[current].type = match[2];
    } else if (std::regex_match(line, match, sample)) {
      MetricFamily& family = families[current];
      const std::string name = match[1];
      const bool part =
          family.type == "summary" && (name == current + "_sum" || name == current + "_count");
      if (family.type.empty() || (name != current && !part)) throw std::runtime_error(line);
      auto& samples = part ? family.parts[name.substr(current.size())] : family.samples;
      const auto [at, fresh] = samples.emplace(read_labels(match[2]), match[3]);
      if (!fresh) throw std::runtime_error("sample twice: " + line);
    } else {
      throw std::runtime_error("no line of the format: " + line);
    }
  }
  return families;
}

// What Prometheus's own lint complains of (promtool is rarely installed): a line for each problem.
inline std::string lint_prometheus(const std::string& text) {
  static const std::regex name_format("[a-z][a-z0-9]*(_[a-z0-9]+)*");
  // Units that are not base units, and types, do not belong into a name.
  static const std::regex wrong_words(
      "(^|_)(ms|us|ns|milliseconds?|microseconds?|minutes?|hours?|days?|kb|mb|gb|kilobytes?|"
      "megabytes?"
      "|bits?|mbps|kbps|percent|pct|celcius|counter|gauge|summary|histogram|metric)(_|$)");
  const auto ends_with = [](const std::string& name, const std::string& end) {
    return name.size() > end.size() && name.substr(name.size() - end.size()) == end;
  };
  std::string problems;
  for (const auto& [name, family] : read_prometheus(text)) {
    const auto complain = [&problems, &name](const char* what) {
      problems += name + ": " + what + "\n";
    };
    if (!std::regex_match(name, name_format)) complain("its name is not in snake case");
    if (std::regex_search(name, wrong_words)) complain("a unit or type that is no base unit");
    if (family.help.size() < 2 || family.help.back() != '.') complain("HELP is no sentence");
    if ((family.type == "counter") != ends_with(name, "_total"))
      complain("_total is for counters, and all of them");
    for (const char* reserved : {"_sum", "_count", "_bucket", "_created"}) {
      if (ends_with(name, reserved)) complain("a reserved suffix");
    }
    if (family.samples.empty()) complain("no sample");
    if (family.type == "summary") {
      for (const char* part : {"_sum", "_count"}) {
        if (family.parts.count(part) == 0) complain("a summary without _sum or _count");
      }
    }
    for (const auto& [labels, value] : family.samples) {
      if (labels.count("quantile") != (family.type == "summary" ? 1U : 0U))
        complain("the label quantile is for summaries");
      if (ends_with(name, "_info") && value != "1") complain("an _info that is not 1");
      if (family.type == "counter" && !(std::stod(value) >= 0)) complain("a negative counter");
    }
  }
  return problems;
}

}  // namespace quantring::test
