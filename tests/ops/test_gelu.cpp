// The activations over all floats. They are called through a product with 1, which does
// not change the values.

#include <bit>
#include <limits>

#include "ops/cpu/kernels.h"
#include "ops/linear.h"
#include "support.h"

using namespace quantring;

namespace {

std::vector<float> apply(const cpu::Kernels& kernels, Activation activation,
                         const std::vector<float>& x) {
  const std::int64_t count = std::ssize(x);
  const std::int64_t panels = (count + kernels.panel - 1) / kernels.panel;
  std::vector<float> packed(static_cast<std::size_t>(panels * kernels.panel));
  kernels.pack(x.data(), count, count, 1, packed.data());
  std::vector<float> y(x.size());
  const float one = 1;
  kernels.gemm({.rows = 1,
                .cols = count,
                .depth = 1,
                .a = &one,
                .a_stride = 1,
                .b = packed.data(),
                .bias = nullptr,
                .c = y.data(),
                .c_stride = count,
                .add = false,
                .activation = static_cast<int>(activation)});
  return y;
}

// Finite floats of all magnitudes and both signs.
std::vector<float> all_magnitudes() {
  std::vector<float> floats;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 2003) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(value)) floats.push_back(value);
  }
  return floats;
}

double gelu_erf(double x) {
  return x / 2 * std::erfc(-x / std::sqrt(2.0));
}

double gelu_tanh(double x) {
  const double z = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * z));
}

double gelu_quick(double x) {
  return x / (1 + std::exp(-1.702 * x));
}

template <class Reference, class Tolerance>
void check_everywhere(Activation activation, const Reference& reference,
                      const Tolerance& tolerance) {
  const std::vector<float> x = all_magnitudes();
  std::vector<double> expected;
  for (const float value : x) expected.push_back(reference(static_cast<double>(value)));
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  for (int i = 0, count = cpu::available_kernels(sets); i < count; ++i) {
    INFO(std::string(sets[i]->name));
    test::check_close(apply(*sets[i], activation, x), expected, [&](std::size_t e) {
      return tolerance(static_cast<double>(x[e]), std::abs(expected[e]));
    });
  }
}

}  // namespace

TEST_CASE("exact GELU: within four units in the last place everywhere, both tails included") {
  check_everywhere(Activation::gelu_erf, gelu_erf, [](double, double size) {
    return 8 * test::half_ulp * size + static_cast<double>(std::numeric_limits<float>::min());
  });
}

TEST_CASE("tanh GELU: four units in the last place, growing with the exponent in the lower tail") {
  check_everywhere(Activation::gelu_tanh, gelu_tanh, [](double x, double size) {
    const double exponent = x < 0 ? std::min(100.0, -x * (1.6 + 0.0714 * x * x)) : 0;
    // An exp below the smallest normal float is taken as 0; then it is multiplied by an x down to
    // -13.
    return (8 + 4 * exponent) * test::half_ulp * size +
           14 * static_cast<double>(std::numeric_limits<float>::min());
  });
}

TEST_CASE("quick GELU: four units in the last place, growing with the exponent in the lower tail") {
  check_everywhere(Activation::gelu_quick, gelu_quick, [](double x, double size) {
    // 1.702 x is rounded twice, and an exp below the smallest normal float is taken as 0; then it
    // is multiplied by an x down to -60.
    const double exponent = x < 0 ? std::min(100.0, -1.702 * x) : 0;
    return (8 + 2 * exponent) * test::half_ulp * size +
           61 * static_cast<double>(std::numeric_limits<float>::min());
  });
}

TEST_CASE("limits and NaN") {
  const float inf = std::numeric_limits<float>::infinity();
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  for (int i = 0, count = cpu::available_kernels(sets); i < count; ++i) {
    INFO(std::string(sets[i]->name));
    for (const Activation activation :
         {Activation::gelu_erf, Activation::gelu_tanh, Activation::gelu_quick}) {
      const std::vector<float> y = apply(*sets[i], activation, {inf, -inf, std::nanf(""), 0.0f});
      CHECK(y[0] == inf);
      CHECK(y[1] == 0.0f);
      CHECK(std::isnan(y[2]));
      CHECK(y[3] == 0.0f);
    }
  }
}
