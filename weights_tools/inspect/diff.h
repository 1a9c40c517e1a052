#pragma once
// Compares two model files, or two checkpoints whose tensors have the same names.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

struct TensorDifference {
  std::string name;
  double max_difference = 0;  // |a - b|; infinity if only one is NaN or infinite
  double relative_l2 = 0;     // |a - b| / |a|; infinity if a is zero or the difference not finite
};

struct ShapeDifference {
  std::string name;
  std::vector<std::int64_t> a, b;
};

struct DiffReport {
  std::vector<std::string> only_a, only_b;
  std::vector<ShapeDifference> shapes;
  std::vector<TensorDifference> values;  // tensors that differ, largest difference first
  std::vector<std::string> dtypes;       // tensors that are stored in different types
  std::vector<std::string> skipped;      // tensors that are not floats: not compared
  std::size_t equal = 0;                 // tensors with the same values
  // For model files: "architecture.depth: 12, 6".
  std::vector<std::string> facts;

  // Whether tensors, values and facts are equal. Storage types may differ.
  bool same() const;
};

// part_a, part_b: as for open_checkpoint. Memory: one tensor of each. Throws Error if a file cannot
// be read.
DiffReport diff(const std::filesystem::path& a, const std::filesystem::path& b,
                const std::string& part_a = {}, const std::string& part_b = {});

// max_rows: of each list; 0 for all.
std::string diff_text(const DiffReport& report, std::size_t max_rows);
std::string diff_json(const DiffReport& report);

}  // namespace quantring::weights
