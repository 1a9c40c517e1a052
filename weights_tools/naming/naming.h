#pragma once
// Who named the tensors of a checkpoint, and what each of them is. Every reader of a naming says
// which tensor plays which role, and what its framework fixes; the builder (plan.h) does the rest
// for all of them alike.
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
#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/config/config.h"
#include "weights_tools/inspect/findings.h"
#include "weights_tools/convert/recipe.h"

namespace quantring::weights {

struct RoleSource {
  std::string tensor;
  Part::Layout layout = Part::Layout::rows;
};

struct Naming {
  std::string who;  // "timm", "Hugging Face DeiT", "torchvision", "Google (Flax)"
  std::map<std::string, RoleSource> roles;  // role -> tensor
  std::vector<Finding> unused;              // tensors left out on purpose, and why
  std::vector<Finding> notes;               // what a person should know besides
  // How many of the prefix tokens have rows in the position table, if the framework fixes it (from
  // the first on). Empty: all or none, which the table's length tells.
  std::optional<int> positioned_prefix;
  // Does the framework run pictures of any size, resampling the positions to each? Then the size
  // that the preprocessing gives is the model's. And how does it resample?
  bool any_image_size = false;
  Resampling resampling = Resampling::antialiased;
  // What the framework fixes, or its default where no config says otherwise; with the source that
  // convert prints.
  std::optional<Fact<int>> heads;
  std::optional<Fact<float>> norm_eps;
  std::optional<Fact<Activation>> activation;
  std::optional<Fact<Pooling>> pooling;
};

// Readers: nothing if the names are not theirs. Throws Error naming the tensor and the part of the
// model that cannot be run (RoPE, SwiGLU, relative positions, attention pooling, ...).
std::optional<Naming> read_timm_names(const TensorInfos& tensors, const ConfigFacts& config);
std::optional<Naming> read_hugging_face_names(const TensorInfos& tensors,
                                              const ConfigFacts& config);
std::optional<Naming> read_torchvision_names(const TensorInfos& tensors, const ConfigFacts& config);
std::optional<Naming> read_google_names(const TensorInfos& tensors, const ConfigFacts& config);

// What a wrapper around the whole model put before every name: "module.", "_orig_mod.model.", ...
// Empty: nothing.
std::string wrapper_of(TensorInfos tensors);

// Asks each in turn, after taking the wrapper off. Throws Error with the first names in the file if
// nobody knows them.
Naming read_names(const TensorInfos& tensors, const ConfigFacts& config);

}  // namespace quantring::weights
