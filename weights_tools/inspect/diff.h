#pragma once
// What differs between two model files, or any two checkpoints whose tensors have the same names.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

struct TensorDifference {
  std::string name;
  double largest = 0;      // |a - b|; infinity where one is NaN or infinite and the other is not so
  double relative_l2 = 0;  // |a - b| / |a|; infinity where a is zero or the difference not finite
};

struct ShapeDifference {
  std::string name;
  std::vector<std::int64_t> a, b;
};

struct DiffReport {
  std::vector<std::string> only_a, only_b;
  std::vector<ShapeDifference> shapes;
  std::vector<TensorDifference> values;  // of tensors that differ, largest first
  std::vector<std::string> dtypes;       // names of tensors that are stored in different types
  std::vector<std::string> skipped;      // names of tensors that are no floats: not compared
  std::size_t equal = 0;                 // tensors with the same values
  // Of model files: "architecture.depth: 12, 6".
  std::vector<std::string> facts;

  // Same tensors with the same values, and the same facts. Types of storage do not count.
  bool same() const;
};

// part_a, part_b: as open_checkpoint takes them. Memory for one tensor of each. Throws Error if
// either cannot be read.
DiffReport diff(const std::filesystem::path& a, const std::filesystem::path& b,
                const std::string& part_a = {}, const std::string& part_b = {});

// rows: how many lines of each list; 0 for all.
std::string diff_text(const DiffReport& report, std::size_t rows);
std::string diff_json(const DiffReport& report);

}  // namespace quantring::weights
