#pragma once
// PyTorch checkpoints as torch.save writes them since 1.6 (.pth, .pt, .bin): a zip archive of one
// pickle, PREFIX/data.pkl, and one stored entry a storage, PREFIX/data/KEY. Layout:
// caffe2/serialize/inline_container.h and torch/serialization.py. Nothing is executed.

#include <filesystem>
#include <memory>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// part: the dictionary, if the file has several with tensors: a key ("model_ema") or a path of keys
// ("teacher.backbone"). Empty: the only one. Throws OptionError if `part` does not exist or is
// needed, else Error naming the file and, if it has no state dict, how to save one.
std::unique_ptr<Checkpoint> open_torch_file(const std::filesystem::path& path,
                                            const std::string& part);

}  // namespace quantring::weights
