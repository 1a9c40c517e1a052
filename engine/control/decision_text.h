#pragma once
// Number formatting in the causes of decisions.

#include <string>

namespace quantring {

std::string three_digits(double value);          // "0.52", "12.3", "3100"
std::string mbits_text(double bits_per_second);  // the number alone, in Mbit/s

}  // namespace quantring
