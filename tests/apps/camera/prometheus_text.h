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
  std::map<Labels, std::string> samples;  // the value as text
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
      if (match[1] != current || families[current].type.empty()) throw std::runtime_error(line);
      const auto [at, fresh] = families[current].samples.emplace(read_labels(match[2]), match[3]);
      if (!fresh) throw std::runtime_error("sample twice: " + line);
    } else {
      throw std::runtime_error("no line of the format: " + line);
    }
  }
  return families;
}

}  // namespace quantring::test
