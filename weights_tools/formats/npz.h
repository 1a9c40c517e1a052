#pragma once
// NumPy .npz: a zip archive of .npy files, as Google publishes its Vision Transformers.

#include <filesystem>
#include <memory>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// Tensors have the names of the entries, without ".npy". Reads the headers only. Throws Error
// naming the file and the array.
std::unique_ptr<Checkpoint> open_npz(const std::filesystem::path& path);

}  // namespace quantring::weights
