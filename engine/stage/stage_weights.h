#pragma once
// The weights of one stage, loaded from the model file and packed for the device.

#include <optional>
#include <vector>

#include "engine/model/model_file.h"
#include "ops/context.h"
#include "ops/linear.h"
#include "ops/parameter.h"
#include "ops/residual.h"

namespace quantring {

struct Norm {
  Parameter gamma, beta;  // [dim] f32
};

struct AttentionHalf {
  NormLinear qkv;       // norm1, then dim -> 3 dim
  Norm q_norm, k_norm;  // [head_dim], with qk_norm
  Linear proj;          // dim -> dim, LayerScale folded in
};

struct MlpHalf {
  NormLinear fc1;  // norm2, then dim -> mlp_dim and the activation
  Linear fc2;      // mlp_dim -> dim, LayerScale folded in
};

struct HalfBlock {
  int block = 0;  // index in the model
  std::optional<AttentionHalf> attention;
  std::optional<MlpHalf> mlp;  // set if attention is not
};

struct StageWeights {
  // First stage:
  std::vector<float> mean, std;  // [channels], of pixels in [0, 1]
  Linear patch_embedding;        // channels * patch height * patch width -> dim
  Parameter prefix;              // [prefix, dim] f32
  Parameter position;            // [tokens, dim] f32
  Norm embed_norm;               // with embed_norm

  std::vector<HalfBlock> halves;

  // Last stage:
  Norm norm;
  Linear head, second_head;  // dim -> classes
};

// Reads the tensors of this range and no others, and checks their hashes. `context` must outlive
// the result. Throws Error, also if `model` is a part without these blocks.
StageWeights load_stage_weights(Context& context, const ModelFile& model, StageRange range);

}  // namespace quantring
