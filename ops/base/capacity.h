#pragma once
// What is known of a link's capacity: the rate at which it carries bytes when nothing else limits
// it.

#include <cstdint>

namespace quantring {

enum class Capacity : std::uint8_t {
  unknown = 0,   // idle, or too little was sent
  at_least = 1,  // what was sent did not fill the link
  measured = 2,  // what was sent filled the link
};

}  // namespace quantring
