#pragma once
// Recognises which framework named the tensors of a checkpoint, and maps the tensors to roles.
// There is one reader per framework; the rest of the conversion (plan/plan.h) is common to all.
//
// Roles: patch.weight [dim, channels, h, w], patch.bias; token.class, token.distillation,
// token.registers [n, dim]; position [positions, dim]; embed.norm.{weight,bias};
// blocks.I.{norm1,norm2,attn.qkv | attn.q, attn.k, attn.v, attn.proj, attn.q_norm, attn.k_norm,
// mlp.fc1, mlp.fc2}.{weight,bias}, blocks.I.scale1, blocks.I.scale2; norm.{weight,bias} (before the
// pooling), pooled_norm.{weight,bias} (after it); head.{weight,bias}, head_distillation.{weight,
// bias}.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "weights_tools/base/findings.h"
#include "weights_tools/config/config.h"
#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/naming/vit_names.h"
#include "weights_tools/recipe/recipe.h"

namespace quantring::weights {

struct RoleSource {
  std::string tensor;
  Part::Layout layout = Part::Layout::rows;
};

struct Naming {
  std::string framework;  // "timm", "Hugging Face DeiT", "torchvision", "Google (Flax)"
  std::map<std::string, RoleSource> roles;  // role -> tensor
  std::vector<Finding> unused;              // tensors that are left out, and why
  std::vector<Finding> notes;               // further findings for the user
  // How many of the prefix tokens, from the first on, have rows in the position table, if the
  // framework fixes it. Empty: all or none, depending on the table's length.
  std::optional<int> positioned_prefix;
  // The framework accepts any image size and resamples the positions to it: the model's size is
  // that of the preprocessed pictures.
  bool any_image_size = false;
  bool usual_prefix = false;  // the prefix is the framework's own ("vit.")
  Resampling resampling = Resampling::antialiased;
  // Fixed by the framework, or its default if no config has the value.
  std::optional<Fact<int>> heads;
  std::optional<Fact<float>> norm_eps;
  std::optional<Fact<Activation>> activation;
  std::optional<Fact<Pooling>> pooling;
};

// Readers: nothing if the names are not of this framework; roles then have the names of `vit`.
// Throw Error naming the tensor and the unsupported part of the model (RoPE, SwiGLU, relative
// positions, attention pooling, ...).
std::optional<Naming> read_timm_names(const ViTNames& vit, const ConfigFacts& config);
std::optional<Naming> read_hugging_face_names(const ViTNames& vit, const ConfigFacts& config);
std::optional<Naming> read_torchvision_names(const ViTNames& vit, const ConfigFacts& config);
std::optional<Naming> read_google_names(const ViTNames& vit, const ConfigFacts& config);

// Finds the ViT and tries all readers. Throws Error with the first names in the file if none
// recognises them.
Naming read_names(const TensorInfos& tensors, const ConfigFacts& config);

}  // namespace quantring::weights
