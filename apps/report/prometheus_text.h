#pragma once
// Prometheus's text format, version 0.0.4.

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace quantring::apps {

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// Writes the HELP and TYPE lines of a family before its first sample, if it has one.
class PrometheusText {
 public:
  using Labels = std::initializer_list<std::pair<const char*, std::string>>;

  void family(const char* name, const char* type, const char* help);
  // suffix: of a summary's other samples, "_sum" and "_count".
  template <typename Number>
  void sample(Number value, Labels labels = {}, const char* suffix = "") {
    add(fmt::format("{}", value), labels, suffix);
  }
  // Unknown values have no sample.
  void known(double value, Labels labels = {}) {
    if (value > 0) sample(value, labels);
  }
  template <typename Number>
  void one(const char* name, const char* type, const char* help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  void add(const std::string& value, Labels labels, const char* suffix);

  std::string name_, heading_, text_;
};

// Bytes that are not UTF-8 become U+FFFD.
std::string utf8_text(const std::string& text);

// process_* of this process, as Prometheus's own libraries name them.
void add_process_metrics(PrometheusText& out);

}  // namespace quantring::apps
