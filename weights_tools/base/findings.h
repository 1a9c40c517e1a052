#pragma once
// Facts about a checkpoint with their sources, which `convert` prints: nothing is guessed silently.

#include <string>
#include <utility>

namespace quantring::weights {

template <class T>
struct Fact {
  T value;
  std::string source;  // "tensor shapes", "config.json", "--heads", "timm's VisionTransformer", ...
};

struct Finding {
  std::string what, value, source;
};

}  // namespace quantring::weights
