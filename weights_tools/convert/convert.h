#pragma once
// Converts a checkpoint to a model file.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model_writer.h"
#include "weights_tools/base/findings.h"
#include "weights_tools/plan/hints.h"

namespace quantring::weights {

struct ConvertOptions {
  std::filesystem::path input, output;  // input: file, index or folder (open_checkpoint)
  std::string part;                     // dictionary in a PyTorch file; empty: the only one
  std::filesystem::path head;           // file of the classifier; empty: it is in the checkpoint
  std::string like;                     // name of a published model (known_models.h), or empty
  std::filesystem::path config;         // empty: NAME.config.json or config.json beside the input
  std::filesystem::path labels;         // read_class_names; empty: those of the config
  StorageType storage = StorageType::f32;
  ConvertHints hints;
};

struct ConvertReport {
  std::vector<Finding> findings;
  std::string hash;
  std::uint64_t bytes = 0;  // of the tensors written
};

// Memory: one tensor at a time. progress: bytes done, bytes in total. Throws OptionError for
// hints that are missing, invalid or do not fit the checkpoint, Error for the rest; the output is
// then not created or replaced.
ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

}  // namespace quantring::weights
