#pragma once
// A part of a model as a file of its own, for a device that need not store the rest.

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

// layers: "0-4", "4-8.5", as ring.toml writes them; within what the model file holds. Nothing is
// converted, and the identity is the whole model's. Throws Error naming the flag or the file.
ShardReport shard(const ModelFile& model, const std::string& layers,
                  const std::filesystem::path& output);

}  // namespace quantring::weights
