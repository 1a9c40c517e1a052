#pragma once
// Foreign checkpoint -> model file.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "weights_tools/timm.h"

namespace quantring::weights {

enum class StorageType : std::uint8_t { f32, f16 };

struct ConvertOptions {
  std::filesystem::path input, output;
  std::filesystem::path
      config;  // empty: config.json or NAME.config.json beside the input, if there
  std::filesystem::path labels;  // one name a line; empty: none
  StorageType storage = StorageType::f32;
  ConvertHints hints;
};

struct ConvertReport {
  std::vector<Finding> findings;
  std::string hash;
  std::uint64_t bytes = 0;  // of the tensors written
};

// Needs memory for one tensor at a time. progress: tensors done and in all. Throws Error; the
// output then does not exist (or is as it was).
ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::size_t done, std::size_t all)>& progress);

}  // namespace quantring::weights
