#pragma once
// Published models by name (--like): what their configs say, for a file without its config.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weights_tools/config/config.h"

namespace quantring::weights {

// "deit_tiny_patch16_224.fb_in1k" of timm (without a tag its default one), "vit_b_16" or
// "vit_b_16.IMAGENET1K_SWAG_E2E_V1" of torchvision, "google/vit-base-patch16-224" of Hugging Face;
// with and without the name of the hub before it. Throws OptionError with similar names.
ConfigFacts facts_like(const std::string& name);

// Whether its classes are ImageNet's 1000.
bool is_imagenet_model(const std::string& name);

// The known model whose name a checkpoint, or a folder that it is in, has:
// deit_tiny_patch16_224-a1311bcf.pth,
// models--google--vit-base-patch16-224/snapshots/0/x.safetensors.
std::optional<std::string> known_name(const std::filesystem::path& checkpoint);

}  // namespace quantring::weights
