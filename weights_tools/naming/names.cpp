#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ops/base/error.h"
#include "weights_tools/naming/naming.h"

namespace quantring::weights {
namespace {

// Of wrappers around the whole model.
constexpr const char* wrappers[] = {"module.", "_orig_mod.", "model.", "timm_model."};

bool all_begin_with(const TensorInfos& tensors, const std::string& prefix) {
  for (const auto& [name, info] : tensors) {
    if (name.rfind(prefix, 0) != 0) return false;
  }
  return !tensors.empty();
}

// Takes the wrappers off and returns what was taken.
std::string unwrap(TensorInfos& tensors) {
  std::string taken;
  tensors.erase("n_averaged");  // the counter of torch.optim.swa_utils.AveragedModel
  for (bool again = true; again && taken.size() < 64;) {
    again = false;
    for (const std::string wrapper : wrappers) {
      if (!all_begin_with(tensors, wrapper)) continue;
      TensorInfos bare;
      for (const auto& [name, info] : tensors) bare.emplace(name.substr(wrapper.size()), info);
      tensors = std::move(bare);
      taken += wrapper;
      again = true;
    }
  }
  return taken;
}

// Other families whose checkpoints people have, told by a piece of a name.
struct Stranger {
  const char* fragment;
  const char* family;
};

constexpr Stranger strangers[] = {
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
    for (const Stranger& stranger : strangers) {
      if (name.find(stranger.fragment) != std::string::npos) {
        throw Error(fmt::format(
            "the tensors are named as those of {} ('{}'); read are ViTs of timm, Hugging Face "
            "(ViT, DeiT, DINOv2), torchvision and Google",
            stranger.family, name));
      }
    }
  }
  throw Error(
      fmt::format("the tensors are named as no ViT of timm, Hugging Face, torchvision or Google "
                  "names them; the first are {}",
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
          {"prefix", fmt::format("'{}' taken off every name", wrapper), "tensor names"});
    }
    return std::move(*naming);
  }
  refuse(tensors);
}

}  // namespace quantring::weights
