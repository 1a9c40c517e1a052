#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/base/error.h"
#include "weights_tools/naming/naming.h"

namespace quantring::weights {
namespace {

// Prefixes from wrappers around the model.
constexpr const char* wrappers[] = {"module.", "_orig_mod.", "model.", "timm_model."};

bool all_begin_with(const TensorInfos& tensors, const std::string& prefix) {
  for (const auto& [name, info] : tensors) {
    if (name.rfind(prefix, 0) != 0) return false;
  }
  return !tensors.empty();
}

// Removes the wrappers' prefixes and returns them.
std::string unwrap(TensorInfos& tensors) {
  std::string removed;
  tensors.erase("n_averaged");  // the counter of torch.optim.swa_utils.AveragedModel
  for (bool again = true; again && removed.size() < 64;) {
    again = false;
    for (const std::string wrapper : wrappers) {
      if (!all_begin_with(tensors, wrapper)) continue;
      TensorInfos bare;
      for (const auto& [name, info] : tensors) bare.emplace(name.substr(wrapper.size()), info);
      tensors = std::move(bare);
      removed += wrapper;
      again = true;
    }
  }
  return removed;
}

// Common checkpoints of other models, recognised by a part of a name.
struct OtherModel {
  const char* fragment;
  const char* family;
};

constexpr OtherModel other_models[] = {
    {"MixerBlock_", "an MLP-Mixer"},
    {"root_block/", "a ResNet (BiT)"},
    {"visual.", "CLIP"},
    {"vision_model.", "Hugging Face CLIP or SigLIP"},
    {"text_model.", "CLIP or SigLIP"},
    {"relative_position_bias_table", "a Swin Transformer or another with relative positions"},
    {"swin.", "a Swin Transformer"},
    {"rope", "a ViT with rotary position embeddings (RoPE, as DINOv3)"},
    {"storage_tokens", "DINOv3"},
    {"linear_head.", "DINOv2's own backbone with its linear head"},
    {"backbone.", "a backbone inside a larger model"},
    {"layer1.0.conv", "a ResNet"},
    {"stages.", "a convolutional or hierarchical network"},
    {"features.", "a convolutional network"},
    {"lm_head", "a language model"},
    {"embed_tokens", "a language model"}};

[[noreturn]] void refuse(const TensorInfos& tensors) {
  std::vector<std::string> first;
  for (const auto& [name, info] : tensors) {
    if (first.size() < 3) first.push_back(fmt::format("'{}'", name));
    for (const OtherModel& other : other_models) {
      if (name.find(other.fragment) != std::string::npos) {
        throw Error(fmt::format(
            "the tensors have the names of {} ('{}'); supported are ViTs of timm, Hugging Face "
            "(ViT, DeiT, DINOv2), torchvision and Google",
            other.family, name));
      }
    }
  }
  throw Error(
      fmt::format("the names of the tensors are not those of a ViT of timm, Hugging Face, "
                  "torchvision or Google; the first are {}",
                  first.empty() ? "none" : fmt::format("{}", fmt::join(first, ", "))));
}

}  // namespace

std::string wrapper_of(TensorInfos tensors) {
  return unwrap(tensors);
}

Naming read_names(const TensorInfos& tensors, const ConfigFacts& config) {
  TensorInfos bare = tensors;
  const std::string wrapper = unwrap(bare);
  for (const auto reader :
       {read_timm_names, read_hugging_face_names, read_torchvision_names, read_google_names}) {
    auto naming = reader(bare, config);
    if (!naming) continue;
    if (!wrapper.empty()) {
      for (auto& [role, source] : naming->roles) source.tensor.insert(0, wrapper);
      naming->notes.insert(
          naming->notes.begin(),
          {"prefix", fmt::format("'{}' removed from all names", wrapper), "tensor names"});
    }
    return std::move(*naming);
  }
  refuse(tensors);
}

}  // namespace quantring::weights
