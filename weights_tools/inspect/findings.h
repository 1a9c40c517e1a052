#pragma once
// Facts about a checkpoint and where each came from: what `convert` prints, so that nothing is
// guessed silently.

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
