#include "tests/bench/adaptive/experiment.h"

#include <fmt/ranges.h>

#include "ops/base/error.h"

namespace quantring::bench {
namespace {

constexpr double paper_rate = 100;                 // images/s
constexpr double paper_bits = 197.0 * 768.0 * 32;  // an image in float32

PolicyChoice fixed_choice(const char* name, CodecSpec codec) {
  LinkChoice choice;
  choice.policy = Policy::fixed;
  choice.codec = codec;
  return {name, choice};
}

PolicyChoice quantpipe_choice(const char* name, CodecId codec) {
  LinkChoice choice;
  choice.policy = Policy::quantpipe;
  choice.codec = CodecSpec{codec, 16};
  return {name, choice};
}

PolicyChoice ladder_choice(const char* name, bool calibrated) {
  LinkChoice choice;
  choice.policy = Policy::ladder;
  choice.floor = 0;  // as in the paper: the rate, whatever it costs
  return {name, choice, calibrated};
}

}  // namespace

std::vector<Phase> paper_phases(bool quick) {
  if (quick) return {{0, 10, 0}, {10, 30, 500}, {30, 50, 50}, {50, 70, 250}, {70, 95, 0}};
  return {{0, 100, 0}, {100, 300, 500}, {300, 500, 50}, {500, 700, 250}, {700, 950, 0}};
}

double fraction_of_need(double paper_mbps) {
  return paper_mbps * 1e6 / (paper_rate * paper_bits);
}

double scaled_bps(double paper_mbps, double rate, std::uint64_t values_per_image) {
  return fraction_of_need(paper_mbps) * rate * 32 * static_cast<double>(values_per_image);
}

const std::vector<PolicyChoice>& policies() {
  static const std::vector<PolicyChoice> all = {
      fixed_choice("fixed-32", {CodecId::raw32, 32}),
      quantpipe_choice("quantpipe-ptq", CodecId::ptq),
      quantpipe_choice("quantpipe-ds-aciq", CodecId::ds_aciq), ladder_choice("ladder", false),
      ladder_choice("ladder-calibrated", true)};
  return all;
}

const PolicyChoice& policy_named(const std::string& name) {
  std::vector<std::string> names;
  for (const PolicyChoice& policy : policies()) {
    if (policy.name == name) return policy;
    names.push_back(policy.name);
  }
  throw Error(fmt::format("--policy {}: {} are known", name, fmt::join(names, ", ")));
}

}  // namespace quantring::bench
