#pragma once
// A checkpoint in several files, as Hugging Face writes it: NAME.index.json maps tensors to files
// of the same folder: {"metadata": {...}, "weight_map": {tensor: file}}.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

using WeightMap = std::map<std::string, std::string>;  // tensor -> file name

// name: of the index, in errors. Throws Error: not an index, a duplicate name, a file elsewhere.
WeightMap parse_index(const std::string& text, const std::string& name);

// Opens each file of the index once, with `open_file`. Tensors that the index does not name are not
// part of the checkpoint. Throws Error: a file or a tensor is missing.
std::unique_ptr<Checkpoint> open_sharded(
    const std::filesystem::path& index,
    const std::function<std::unique_ptr<Checkpoint>(const std::filesystem::path&)>& open_file);

}  // namespace quantring::weights
