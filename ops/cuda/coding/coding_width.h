#pragma once
// Dispatch of the bit width to a template argument.

#include <stdexcept>
#include <type_traits>

namespace quantring::cuda {

// Calls f(std::integral_constant<int, bits>()).
template <class F>
void with_width(int bits, F&& f) {
  switch (bits) {
    case 2:
      return f(std::integral_constant<int, 2>());
    case 3:
      return f(std::integral_constant<int, 3>());
    case 4:
      return f(std::integral_constant<int, 4>());
    case 5:
      return f(std::integral_constant<int, 5>());
    case 6:
      return f(std::integral_constant<int, 6>());
    case 7:
      return f(std::integral_constant<int, 7>());
    case 8:
      return f(std::integral_constant<int, 8>());
    case 16:
      return f(std::integral_constant<int, 16>());
    default:
      throw std::invalid_argument("CUDA codecs have widths of 2 to 8 or 16 bits");
  }
}

}  // namespace quantring::cuda
