#pragma once
// Writes a part of a model as a separate file, for a device that does not store the rest.

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/model/model_file.h"

namespace quantring::weights {

struct ShardReport {
  StageRange part;
  std::size_t tensors = 0;
  std::uint64_t bytes = 0, whole_bytes = 0;  // of the tensors in the shard, and in the whole model
};

// layers: "0-4", "4-8.5", as in ring.toml; within the model file's blocks. Values are copied and
// the identity is that of the whole model. Throws OptionError naming the flag, or Error.
ShardReport shard(const ModelFile& model, const std::string& layers,
                  const std::filesystem::path& output);

}  // namespace quantring::weights
