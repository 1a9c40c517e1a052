#pragma once
// Access to the checkpoint's tensors by role, with checks.

#include <string>
#include <vector>

#include "weights_tools/naming/naming.h"
#include "weights_tools/recipe/recipe.h"

namespace quantring::weights {

class Roles {
 public:
  Roles(const TensorInfos& tensors, const Naming& naming) : tensors_(tensors), naming_(naming) {}

  bool has(const std::string& role) const { return naming_.roles.count(role) != 0; }

  // The name of its tensor. Throws Error naming the tensor that is missing or not of floats.
  const std::string& name(const std::string& role) const;
  const TensorInfo& info(const std::string& role) const { return tensors_.at(name(role)); }
  Part::Layout layout(const std::string& role) const { return naming_.roles.at(role).layout; }

  // Its `rank` dimensions without leading ones, each 1..10^9; a linear weight as [out, in], a
  // convolution's as [out, in, h, w], in all layouts. Throws Error.
  std::vector<std::int64_t> shape(const std::string& role, std::size_t rank) const;

  // The whole tensor, which must have this shape (as shape() gives it). heads: q, k, v and proj may
  // be stored with a separate dimension for the heads. Throws Error with both shapes.
  Part whole(const std::string& role, const std::vector<std::int64_t>& expected,
             std::int64_t heads = 0) const;

 private:
  std::string missing(const std::string& role) const;
  [[noreturn]] void wrong_shape(const std::string& role,
                                const std::vector<std::int64_t>& expected) const;

  const TensorInfos& tensors_;
  const Naming& naming_;
};

}  // namespace quantring::weights
