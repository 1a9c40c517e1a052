#include "engine/evaluation/activation_difference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "ops/half.h"
#include "ops/transfer.h"

namespace quantring::apps {
namespace {

std::vector<std::int64_t> place_in_picture(const Shape& shape, std::size_t offset) {
  std::vector<std::int64_t> place(static_cast<std::size_t>(shape.rank() - 1));
  auto left = static_cast<std::int64_t>(offset);
  for (int i = shape.rank() - 1; i > 0; --i) {
    place[static_cast<std::size_t>(i - 1)] = left % shape[i];
    left /= shape[i];
  }
  return place;
}

}  // namespace

std::vector<float> host_values(Context& context, ConstTensor tensor) {
  std::vector<std::byte> bytes(tensor.bytes());
  download(context, tensor.data, bytes);
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.elements()));
  if (tensor.dtype == DType::f32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<std::uint16_t> words(values.size());
  if (bytes.size() != 2 * words.size()) throw std::logic_error("host_values of no float type");
  std::memcpy(words.data(), bytes.data(), bytes.size());
  if (tensor.dtype == DType::f16) {
    halves_to_floats(words.data(), values.data(), values.size());
  } else {  // bf16 is the upper half of an f32
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = std::bit_cast<float>(std::uint32_t{words[i]} << 16);
    }
  }
  return values;
}

double StepDifference::relative() const {
  if (not_finite > 0) return std::numeric_limits<double>::infinity();
  if (squares == 0) return 0;
  return std::sqrt(squares / expected_squares);
}

void ActivationDifference::add(const std::string& name, const Shape& shape,
                               const std::vector<float>& expected, const std::vector<float>& actual,
                               std::size_t first_picture) {
  const auto count = static_cast<std::size_t>(shape.elements());
  if (expected.size() != count || actual.size() != count) {
    throw std::logic_error("activations of '" + name + "' do not have the shape " + shape.text());
  }
  const auto [entry, is_new] = index_.emplace(name, steps_.size());
  if (is_new) steps_.emplace_back().name = name;
  StepDifference& step = steps_[entry->second];
  const std::size_t per_picture = count / static_cast<std::size_t>(shape[0]);
  const auto remember = [&](std::size_t i, double difference) {
    step.worst = difference;
    step.worst_picture = first_picture + i / per_picture;
    step.worst_place = place_in_picture(shape, i % per_picture);
    step.worst_expected = expected[i];
    step.worst_actual = actual[i];
  };
  for (std::size_t i = 0; i < count; ++i) {
    step.largest = std::max(step.largest, std::fabs(double{expected[i]}));
    const double difference = std::fabs(double{actual[i]} - expected[i]);
    if (!std::isfinite(difference)) {
      if (step.not_finite++ == 0) remember(i, std::numeric_limits<double>::infinity());
      continue;
    }
    step.squares += difference * difference;
    step.expected_squares += double{expected[i]} * expected[i];
    if (difference > step.worst) remember(i, difference);
  }
}

}  // namespace quantring::apps
