#include "ops/half.h"

#include <bit>

#include "ops/cpu/kernels.h"
#include "support.h"

using namespace quantring;

namespace {

// By the definition of the format: sign, five exponent bits with bias 15, ten mantissa bits.
double reference_value(std::uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const double sign = half >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

// Rounds in double, where every step is exact: to a multiple of the half's last place.
std::uint16_t reference_half(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::abs(static_cast<double>(value));
  if (magnitude >= 65520) return sign | 0x7c00;
  const int exponent = std::max(std::ilogb(std::max(magnitude, 0x1p-30)), -14);
  const double steps = std::nearbyint(std::ldexp(magnitude, 10 - exponent));
  return static_cast<std::uint16_t>(sign + ((exponent + 14) << 10) + static_cast<int>(steps));
}

bool is_nan(std::uint16_t half) {
  return (half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0;
}

// Compares over all halves with one converter of arrays.
template <class Convert>
void check_all_halves(const Convert& convert) {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(halves.size());
  convert(halves.data(), floats.data(), halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    INFO("half ", i);
    const double expected = reference_value(halves[i]);
    REQUIRE(std::isnan(floats[i]) == std::isnan(expected));
    REQUIRE(std::signbit(floats[i]) == (i >= 0x8000));
    if (!std::isnan(expected)) REQUIRE(static_cast<double>(floats[i]) == expected);
  }
}

// Floats of all magnitudes, and both neighbours of every value half way between two halves.
std::vector<float> interesting_floats() {
  std::vector<float> floats;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 4001) {
    floats.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (std::uint16_t half = 0; half < 0x7c00; ++half) {
    const double above =
        half == 0x7bff ? 65536 : reference_value(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((reference_value(half) + above) / 2);
    for (const float value : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      floats.push_back(value);
      floats.push_back(-value);
    }
  }
  return floats;
}

template <class Convert>
void check_floats(const std::vector<float>& floats, const Convert& convert) {
  std::vector<std::uint16_t> halves(floats.size());
  convert(floats.data(), halves.data(), floats.size());
  for (std::size_t i = 0; i < floats.size(); ++i) {
    if (std::isnan(floats[i])) {
      if (!is_nan(halves[i])) FAIL("NaN became " << halves[i]);
    } else if (halves[i] != reference_half(floats[i])) {
      FAIL("float " << floats[i] << " became " << halves[i] << ", not "
                    << reference_half(floats[i]));
    }
  }
}

}  // namespace

TEST_CASE("all 65536 halves, one by one and by every instruction set") {
  check_all_halves([](const std::uint16_t* source, float* target, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) target[i] = half_to_float(source[i]);
  });
  check_all_halves(halves_to_floats);
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  for (int i = 0, count = cpu::available_kernels(sets); i < count; ++i) {
    INFO(std::string(sets[i]->name));
    check_all_halves(sets[i]->halves_to_floats);
  }
}

TEST_CASE("floats round to the nearest half, ties to even, by every instruction set") {
  const std::vector<float> floats = interesting_floats();
  check_floats(floats, [](const float* source, std::uint16_t* target, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) target[i] = float_to_half(source[i]);
  });
  check_floats(floats, floats_to_halves);
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  for (int i = 0, count = cpu::available_kernels(sets); i < count; ++i) {
    INFO(std::string(sets[i]->name));
    check_floats(floats, sets[i]->floats_to_halves);
  }
}

TEST_CASE("arrays of any length; memory beside them is unchanged") {
  for (std::size_t count = 0; count < 40; ++count) {
    const std::vector<float> floats = test::random_values(40, 3, 100);
    std::vector<std::uint16_t> halves(41, 0xabcd);
    floats_to_halves(floats.data(), halves.data(), count);
    std::vector<float> back(41, 777.0f);
    halves_to_floats(halves.data(), back.data(), count);
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE(halves[i] == reference_half(floats[i]));
      REQUIRE(static_cast<double>(back[i]) == reference_value(halves[i]));
    }
    REQUIRE(halves[count] == 0xabcd);
    REQUIRE(back[count] == 777.0f);
  }
}
