#pragma once
// IEEE 754 binary16 <-> binary32, round to nearest even, NaN kept NaN, overflow to infinity.

#include <cstddef>
#include <cstdint>

namespace quantring {

float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);

// Arrays; source and target must not overlap. Uses the CPU's conversion instructions if it has
// them.
void halves_to_floats(const std::uint16_t* source, float* target, std::size_t count);
void floats_to_halves(const float* source, std::uint16_t* target, std::size_t count);

}  // namespace quantring
