#include "weights_tools/plan/roles.h"

#include <fmt/format.h>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"

namespace quantring::weights {
namespace {

using Shape = std::vector<std::int64_t>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Tokens and tables have a leading batch dimension of 1.
Shape without_leading_ones(Shape shape, std::size_t rank) {
  while (shape.size() > rank && shape[0] == 1) shape.erase(shape.begin());
  return shape;
}

// [out, in] or [out, in, h, w] as each layout stores it.
Shape as_stored(const Shape& shape, Part::Layout layout) {
  if (layout == Part::Layout::transposed && shape.size() == 2) return {shape[1], shape[0]};
  if (layout == Part::Layout::hwio && shape.size() == 4)
    return {shape[2], shape[3], shape[1], shape[0]};
  return shape;
}

Shape as_canonical(const Shape& stored, Part::Layout layout) {
  if (layout == Part::Layout::transposed && stored.size() == 2) return {stored[1], stored[0]};
  if (layout == Part::Layout::hwio && stored.size() == 4)
    return {stored[3], stored[2], stored[0], stored[1]};
  return stored;
}

// The other shapes of attention layers in Flax.
bool split_by_heads(const std::string& role, const Shape& stored, const Shape& expected,
                    Part::Layout layout, std::int64_t heads) {
  if (heads < 1) return false;
  const auto ends = [&](const char* suffix) {
    const std::string_view s = suffix;
    return role.size() >= s.size() && role.compare(role.size() - s.size(), s.size(), s) == 0;
  };
  if (ends(".q.bias") || ends(".k.bias") || ends(".v.bias")) {
    return stored == Shape{heads, expected[0] / heads};
  }
  if (layout != Part::Layout::transposed) return false;
  if (ends(".q.weight") || ends(".k.weight") || ends(".v.weight")) {
    return stored == Shape{expected[1], heads, expected[0] / heads};
  }
  return ends(".proj.weight") && stored == Shape{heads, expected[1] / heads, expected[0]};
}

// "blocks.3.norm1.weight" -> 3; -1 if it is in no block.
int block_of(const std::string& role) {
  if (role.rfind("blocks.", 0) != 0) return -1;
  int block = 0;
  for (std::size_t i = 7; i < role.size() && is_digit(role[i]); ++i)
    block = 10 * block + role[i] - '0';
  return block;
}

// The name with this number replaced.
std::string with_number(const std::string& name, int from, int to) {
  const std::string digits = std::to_string(from);
  for (std::size_t at = name.find(digits); at != std::string::npos;
       at = name.find(digits, at + 1)) {
    const std::size_t end = at + digits.size();
    const bool whole =
        (at == 0 || !is_digit(name[at - 1])) && (end == name.size() || !is_digit(name[end]));
    if (whole) return name.substr(0, at) + std::to_string(to) + name.substr(end);
  }
  return name;
}

}  // namespace

std::string Roles::missing(const std::string& role) const {
  const int block = block_of(role);
  if (block >= 0) {  // named as in another block
    const std::string rest = role.substr(role.find('.', 7));
    for (const auto& [other, source] : naming_.roles) {
      const int number = block_of(other);
      if (number >= 0 && other.substr(other.find('.', 7)) == rest)
        return fmt::format("tensor '{}' is missing", with_number(source.tensor, number, block));
    }
  }
  return fmt::format("the checkpoint has no tensor for '{}'", role);
}

const std::string& Roles::name(const std::string& role) const {
  const auto found = naming_.roles.find(role);
  if (found == naming_.roles.end()) {
    throw Error(
        fmt::format("{}: this is not a complete {} checkpoint", missing(role), naming_.framework));
  }
  const TensorInfo& tensor = tensors_.at(found->second.tensor);
  if (!is_float_dtype(tensor.dtype)) {
    throw Error(fmt::format(
        "tensor '{}' is {}, not F32, F16, BF16 or F64 (quantised checkpoints cannot be read)",
        found->second.tensor, tensor.dtype));
  }
  return found->second.tensor;
}

Shape Roles::shape(const std::string& role, std::size_t rank) const {
  const TensorInfo& tensor = info(role);
  const Shape stored = without_leading_ones(tensor.shape, rank);
  bool sound = stored.size() == rank;
  for (const std::int64_t size : stored) sound = sound && size >= 1 && size <= 1'000'000'000;
  if (!sound) {
    throw Error(fmt::format("tensor '{}' has shape {}, in a {} checkpoint it has {} dimensions",
                            name(role), shape_text(tensor.shape), naming_.framework, rank));
  }
  return as_canonical(stored, layout(role));
}

void Roles::wrong_shape(const std::string& role, const Shape& expected) const {
  throw Error(fmt::format("tensor '{}' has shape {}, expected {}", name(role),
                          shape_text(info(role).shape),
                          shape_text(as_stored(expected, layout(role)))));
}

Part Roles::whole(const std::string& role, const Shape& expected, std::int64_t heads) const {
  Part part;
  part.source = name(role);
  part.layout = layout(role);
  const Shape stored = without_leading_ones(info(role).shape, expected.size());
  if (stored != as_stored(expected, part.layout) &&
      !split_by_heads(role, stored, expected, part.layout, heads)) {
    wrong_shape(role, expected);
  }
  part.rows = expected[0];
  part.columns = 1;
  for (std::size_t i = 1; i < expected.size(); ++i) part.columns *= expected[i];
  return part;
}

}  // namespace quantring::weights
