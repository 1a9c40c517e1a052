#pragma once
// PyTorch checkpoints as torch.save writes them since 1.6 (.pth, .pt, .bin): a zip archive of one
// pickle, PREFIX/data.pkl, and one stored entry a storage, PREFIX/data/KEY. Layout:
// caffe2/serialize/inline_container.h and torch/serialization.py. Nothing is executed.

#include <filesystem>
#include <memory>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// part: which dictionary, where the file holds several that hold tensors: a key ("model_ema") or a
// path of keys ("teacher.backbone"). Empty: the only one. Throws Error naming the file; for what is
// no state dict, with the way to save one.
std::unique_ptr<Checkpoint> open_torch_file(const std::filesystem::path& path,
                                            const std::string& part);

}  // namespace quantring::weights
