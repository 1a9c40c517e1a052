#include "engine/evaluation/evaluation_score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace quantring {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

double mean(double sum, std::uint64_t count) {
  return count == 0 ? nan_value : sum / static_cast<double>(count);
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return mean(100.0 * static_cast<double>(part), whole);
}

void check_sizes(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size() || a.empty())
    throw std::invalid_argument("evaluation: two tensors of different lengths, or empty");
}

// log(sum(exp)), relative to the largest so that nothing overflows.
double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

int first_answer(std::span<const float> logits) {
  int best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    const float likeliest = logits[static_cast<std::size_t>(best)];
    if (logits[i] > likeliest || (std::isnan(likeliest) && !std::isnan(logits[i])))
      best = static_cast<int>(i);
  }
  return best;
}

}  // namespace

int rank_of(int answer, std::span<const float> logits) {
  const auto index = static_cast<std::size_t>(answer);
  if (answer < 0 || index >= logits.size()) throw std::invalid_argument("rank_of: no such class");
  const float value = logits[index];
  if (std::isnan(value)) return static_cast<int>(logits.size());
  int likelier = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    likelier += logits[i] > value || (logits[i] == value && i < index);
  return likelier;
}

double kl_divergence(std::span<const float> expected, std::span<const float> logits) {
  check_sizes(expected, logits);
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(expected.begin(), expected.end(), finite) ||
      !std::all_of(logits.begin(), logits.end(), finite))
    return nan_value;
  const double log_p_sum = log_sum_exp(expected), log_q_sum = log_sum_exp(logits);
  double sum = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double log_p = expected[i] - log_p_sum, log_q = logits[i] - log_q_sum;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return std::max(sum, 0.0);  // rounding may give slightly less than 0
}

double relative_squared_error(std::span<const float> expected, std::span<const float> actual) {
  check_sizes(expected, actual);
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = double{actual[i]} - double{expected[i]};
    error += difference * difference;
    norm += double{expected[i]} * double{expected[i]};
  }
  return error == 0 ? 0 : error / norm;
}

void EvaluationScore::add(std::span<const float> expected, std::span<const float> logits,
                          int label) {
  check_sizes(expected, logits);
  if (logits.size() == 1) {  // two classes: that it applies has this logit, that it does not has 0
    const float before[] = {0, expected[0]}, after[] = {0, logits[0]};
    return add(before, after, label);
  }
  ++images;
  agreeing += rank_of(first_answer(expected), logits) == 0;
  kl += kl_divergence(expected, logits);
  if (label < 0) return;
  ++labelled;
  const int rank = rank_of(label, logits);
  top1 += rank < 1;
  top5 += rank < 5;
}

EvaluationScore& EvaluationScore::operator+=(const EvaluationScore& other) {
  images += other.images;
  agreeing += other.agreeing;
  labelled += other.labelled;
  top1 += other.top1;
  top5 += other.top5;
  kl += other.kl;
  relative_error += other.relative_error;
  tensors += other.tensors;
  coded_bytes += other.coded_bytes;
  return *this;
}

double EvaluationScore::agreement_percent() const {
  return percent(agreeing, images);
}
double EvaluationScore::top1_percent() const {
  return percent(top1, labelled);
}
double EvaluationScore::top5_percent() const {
  return percent(top5, labelled);
}
double EvaluationScore::mean_kl() const {
  return mean(kl, images);
}
double EvaluationScore::mean_bytes() const {
  return mean(static_cast<double>(coded_bytes), tensors);
}

double EvaluationScore::mean_relative_error() const {
  return mean(relative_error, tensors);
}

}  // namespace quantring
