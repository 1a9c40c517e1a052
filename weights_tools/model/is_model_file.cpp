#include "weights_tools/model/is_model_file.h"

#include <fmt/format.h>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

bool is_model_file(const std::filesystem::path& path) {
  try {
    return SafetensorsFile(path).metadata().count("quantring.format") > 0;
  } catch (const Error&) {
    return false;
  }
}

void expect_model_file(const std::filesystem::path& path) {
  if (is_model_file(path)) return;
  const OpenedCheckpoint opened = open_checkpoint(path);
  throw Error(
      fmt::format("'{}' is a checkpoint ({}), not a model file: make one with "
                  "`quantring-weights convert {} -o model.safetensors`",
                  path.string(), opened.checkpoint->format(), path.string()));
}

}  // namespace quantring::weights
