#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/base/error.h"
#include "weights_tools/naming/naming.h"

namespace quantring::weights {
namespace {

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

Naming read_names(const TensorInfos& tensors, const ConfigFacts& config) {
  const ViTNames vit = find_vit(tensors);
  for (const auto reader :
       {read_timm_names, read_hugging_face_names, read_torchvision_names, read_google_names}) {
    auto naming = reader(vit, config);
    if (!naming) continue;
    for (auto& [role, source] : naming->roles) source.tensor = vit.original.at(source.tensor);
    if (!vit.prefix.empty() && !naming->usual_prefix)
      naming->notes.insert(
          naming->notes.begin(),
          {"prefix", fmt::format("'{}' removed from the names", vit.prefix), "tensor names"});
    return std::move(*naming);
  }
  refuse(tensors);
}

}  // namespace quantring::weights
