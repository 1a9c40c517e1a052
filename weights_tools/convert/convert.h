#pragma once
// Foreign checkpoint -> model file.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_writer.h"
#include "weights_tools/inspect/findings.h"
#include "weights_tools/config/hints.h"

namespace quantring::weights {

struct ConvertOptions {
  std::filesystem::path input, output;  // input: file, index or folder (open_checkpoint)
  std::string part;                     // which dictionary of a PyTorch file; empty: the only one
  std::filesystem::path head;           // the classifier's own file; empty: it is in the checkpoint
  std::filesystem::path
      config;  // empty: config.json or NAME.config.json beside the input, if there
  std::filesystem::path labels;  // one name a line; empty: those of the config, if any
  StorageType storage = StorageType::f32;
  ConvertHints hints;
};

struct ConvertReport {
  std::vector<Finding> findings;
  std::string hash;
  std::uint64_t bytes = 0;  // of the tensors written
};

// Needs memory for one tensor at a time. progress: bytes done and in all. Throws Error; the output
// then does not exist (or is as it was).
ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::uint64_t done, std::uint64_t all)>& progress);

}  // namespace quantring::weights
