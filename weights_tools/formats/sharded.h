#pragma once
// A checkpoint in several files, as Hugging Face writes it: NAME.index.json says which file holds
// which tensor: {"metadata": {...}, "weight_map": {tensor: file}}. Files are in the same folder.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

using WeightMap = std::map<std::string, std::string>;  // tensor -> plain file name

// name: of the index, for errors. Throws Error: not an index, a name twice, a file elsewhere.
WeightMap parse_index(const std::string& text, const std::string& name);

// Opens every file that the index names, once, with `open_file`. Tensors of these files that the
// index does not name are no part of the checkpoint. Throws Error: a file or a tensor is missing.
std::unique_ptr<Checkpoint> open_sharded(
    const std::filesystem::path& index,
    const std::function<std::unique_ptr<Checkpoint>(const std::filesystem::path&)>& open_file);

}  // namespace quantring::weights
