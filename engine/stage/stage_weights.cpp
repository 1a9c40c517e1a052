#include "engine/stage/stage_weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/base/error.h"
#include "ops/half.h"

namespace quantring {
namespace {

void check_range(const ModelFile& model, StageRange range) {
  const Architecture& architecture = model.architecture();
  if (range.begin < 0 || range.begin >= range.end || range.end > architecture.half_blocks()) {
    throw Error(fmt::format("{} is not a part of a model with {} blocks", range_text(range),
                            architecture.depth));
  }
  const StageRange part = model.part();
  if (range.begin < part.begin || range.end > part.end) {
    throw Error(fmt::format(
        "'{}' holds only {} of its model; this stage needs {}: give the node the whole model file "
        "or the part made with `quantring-weights shard --layers {}`",
        model.path(), range_text(part), range_text(range), part_text(range)));
  }
}

class Loader {
 public:
  Loader(Context& context, const ModelFile& model)
      : context_(context), model_(model), architecture_(model.architecture()) {}

  void embedding(StageWeights& weights) const {
    weights.mean = model_.preprocess().mean;
    weights.std = model_.preprocess().std;
    weights.patch_embedding = linear("embed.patch");
    if (architecture_.prefix_tokens() > 0) weights.prefix = parameter("embed.prefix");
    weights.position = parameter("embed.position");
    if (architecture_.embed_norm) weights.embed_norm = norm("embed.norm");
  }

  HalfBlock half_block(int index) const {
    HalfBlock half;
    half.block = index / 2;
    const std::string block = fmt::format("blocks.{}.", half.block);
    if (index % 2 == 0) {
      AttentionHalf& attention = half.attention.emplace();
      attention.qkv = norm_linear(block + "norm1", block + "attn.qkv", Activation::none);
      if (architecture_.qk_norm) {
        attention.q_norm = norm(block + "attn.q_norm");
        attention.k_norm = norm(block + "attn.k_norm");
      }
      attention.proj = scaled_linear(block + "attn.proj", block + "scale1");
    } else {
      MlpHalf& mlp = half.mlp.emplace();
      mlp.fc1 = norm_linear(block + "norm2", block + "mlp.fc1", architecture_.activation);
      mlp.fc2 = scaled_linear(block + "mlp.fc2", block + "scale2");
    }
    return half;
  }

  void heads(StageWeights& weights) const {
    weights.norm = norm("norm");
    // The mean of two heads is the sum of heads with half the weights.
    const bool mean = architecture_.pooling == Pooling::class_and_distillation;
    const std::vector<float> halves(static_cast<std::size_t>(architecture_.classes), 0.5f);
    const ConstTensor half{halves.data(), DType::f32, {architecture_.classes}};
    weights.head = linear("head", mean ? half : ConstTensor{});
    if (architecture_.has_second_head()) {
      weights.second_head = linear(architecture_.second_head(), mean ? half : ConstTensor{});
    }
  }

 private:
  Parameter parameter(const std::string& name) const {
    return Parameter(context_, model_.tensor(name));
  }

  Norm norm(const std::string& name) const {
    return {parameter(name + ".weight"), parameter(name + ".bias")};
  }

  // A patch embedding is stored as a convolution's [dim, channels, height, width], and used as the
  // matrix [dim, channels * height * width].
  ModelTensor matrix(const std::string& name) const {
    ModelTensor weight = model_.tensor(name);
    if (weight.shape.rank() == 4) {
      weight.shape = {weight.shape[0], weight.shape[1] * weight.shape[2] * weight.shape[3]};
    }
    return weight;
  }

  Linear linear(const std::string& name, ConstTensor scale = {}) const {
    return Linear(context_, matrix(name + ".weight"), model_.tensor(name + ".bias"), scale);
  }

  // With LayerScale, its factors go into the weights.
  Linear scaled_linear(const std::string& name, const std::string& scale) const {
    if (!architecture_.layer_scale) return linear(name);
    const ModelTensor stored = model_.tensor(scale);
    std::vector<float> factors(static_cast<std::size_t>(stored.shape.elements()));
    if (stored.dtype == DType::f32) {
      std::copy_n(stored.f32(), factors.size(), factors.begin());
    } else {
      halves_to_floats(static_cast<const std::uint16_t*>(stored.data), factors.data(),
                       factors.size());
    }
    return linear(name, {factors.data(), DType::f32, stored.shape});
  }

  NormLinear norm_linear(const std::string& norm_name, const std::string& name,
                         Activation activation) const {
    return NormLinear(context_, matrix(name + ".weight"), model_.tensor(name + ".bias"),
                      model_.tensor(norm_name + ".weight"), model_.tensor(norm_name + ".bias"),
                      architecture_.norm_eps, activation);
  }

  Context& context_;
  const ModelFile& model_;
  const Architecture& architecture_;
};

}  // namespace

StageWeights load_stage_weights(Context& context, const ModelFile& model, StageRange range) {
  check_range(model, range);
  const Loader load(context, model);
  StageWeights weights;
  if (range.begin == 0) load.embedding(weights);
  for (int half = range.begin; half < range.end; ++half) {
    weights.halves.push_back(load.half_block(half));
  }
  for (std::size_t i = 0; i + 1 < weights.halves.size(); ++i) {
    HalfBlock &half = weights.halves[i], &next = weights.halves[i + 1];
    Linear& writer = half.attention ? half.attention->proj : half.mlp->fc2;
    writer.set_reader(next.attention ? next.attention->qkv : next.mlp->fc1);
  }
  if (range.end == model.architecture().half_blocks()) load.heads(weights);
  return weights;
}

}  // namespace quantring
