// Setting a stage up: its weights out of the model file, and its memory.

#include <fmt/format.h>

#include <algorithm>

#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "ops/half.h"

namespace quantring {

Stage::Stage(Context& context, const ModelFile& model, StageRange range, int max_images)
    : context_(context),
      architecture_(model.architecture()),
      mean_(model.preprocess().mean),
      std_(model.preprocess().std),
      range_(range),
      max_images_(max_images) {
  if (range.begin < 0 || range.begin >= range.end || range.end > architecture_.half_blocks()) {
    throw Error(fmt::format("{} is not a part of a model with {} blocks", range_text(range),
                            architecture_.depth));
  }
  const StageRange part = model.part();
  if (range.begin < part.begin || range.end > part.end) {
    throw Error(fmt::format(
        "'{}' holds only {} of its model; this stage needs {}: give the node the whole model file "
        "or the part made with `quantring-weights shard --layers {}`",
        model.path(), range_text(part), range_text(range), part_text(range)));
  }
  if (max_images < 1) throw Error("a stage needs room for at least 1 image");
  load(model);
  allocate();
}

void Stage::load(const ModelFile& model) {
  if (first()) {
    patch_embedding_ = load_linear(model, "embed.patch");
    if (architecture_.prefix_tokens() > 0) prefix_ = load_parameter(model, "embed.prefix");
    position_ = load_parameter(model, "embed.position");
    if (architecture_.embed_norm) embed_norm_ = load_norm(model, "embed.norm");
  }
  for (int half = range_.begin; half < range_.end; ++half) {
    const std::string block = fmt::format("blocks.{}.", half / 2);
    HalfBlock loaded;
    loaded.is_attention = half % 2 == 0;
    if (loaded.is_attention) {
      loaded.attention.norm = load_norm(model, block + "norm1");
      loaded.attention.qkv = load_normed(model, block + "attn.qkv", block + "norm1");
      if (architecture_.qk_norm) {
        loaded.attention.q_norm = load_norm(model, block + "attn.q_norm");
        loaded.attention.k_norm = load_norm(model, block + "attn.k_norm");
      }
      loaded.attention.proj = load_scaled(model, block + "attn.proj", block + "scale1");
    } else {
      loaded.mlp.norm = load_norm(model, block + "norm2");
      loaded.mlp.fc1 = load_normed(model, block + "mlp.fc1", block + "norm2");
      loaded.mlp.fc2 = load_scaled(model, block + "mlp.fc2", block + "scale2");
    }
    halves_.push_back(std::move(loaded));
  }
  if (last()) {
    norm_ = load_norm(model, "norm");
    load_heads(model);
  }
}

void Stage::load_heads(const ModelFile& model) {
  // The mean of two heads is the sum of heads with half the weights.
  const bool mean = architecture_.pooling == Pooling::class_and_distillation;
  const std::vector<float> halves(static_cast<std::size_t>(architecture_.classes), 0.5f);
  const ConstTensor half{halves.data(), DType::f32, {architecture_.classes}};
  head_ = load_linear(model, "head", mean ? half : ConstTensor{});
  if (architecture_.has_second_head()) {
    second_head_ = load_linear(model, architecture_.second_head(), mean ? half : ConstTensor{});
  }
}

void Stage::allocate() {
  const Architecture& a = architecture_;
  const auto room = [&](std::int64_t count, DType dtype) {
    return Buffer(context_, static_cast<std::size_t>(count) * dtype_bytes(dtype));
  };
  const DType activation = context_.activation_dtype(), stream = context_.residual_dtype();
  const std::int64_t rows = std::int64_t{max_images_} * a.tokens();
  std::int64_t wide = rows * std::max<std::int64_t>(3 * a.dim, a.mlp_dim);
  if (first())
    wide = std::max(wide, std::int64_t{max_images_} * a.patches() * patch_embedding_.in());
  act_.residual = room(rows * a.dim, stream);
  act_.sums = RowSums(context_, rows, a.dim);
  act_.normed = room(rows * a.dim, activation);
  act_.wide = room(wide, activation);
  act_.scratch =
      Buffer(context_, attention_scratch_bytes(context_, max_images_, a.tokens(), a.dim, a.heads));
  if (last()) {
    const std::int64_t tokens = std::max<std::int64_t>(head_tokens(), 1);
    act_.pooled = room(tokens * max_images_ * a.dim, stream);
    act_.head_input = room(tokens * max_images_ * a.dim, activation);
    act_.logits = room(std::int64_t{max_images_} * a.classes, DType::f32);
  }
}

std::size_t Stage::activation_bytes() const {
  std::size_t bytes = 0;
  for (const Buffer* buffer : {&act_.residual, &act_.sums.memory, &act_.normed, &act_.wide,
                               &act_.scratch, &act_.pooled, &act_.head_input, &act_.logits}) {
    bytes += buffer->bytes();
  }
  return bytes;
}

Parameter Stage::load_parameter(const ModelFile& model, const std::string& name) {
  Parameter parameter(context_, model.tensor(name));
  if (parameter.copied()) model.release(name);
  return parameter;
}

// With LayerScale, its factors go into the weights.
Linear Stage::load_scaled(const ModelFile& model, const std::string& name,
                          const std::string& scale) {
  if (!architecture_.layer_scale) return load_linear(model, name);
  const ConstTensor stored = model.tensor(scale);
  std::vector<float> factors(static_cast<std::size_t>(stored.shape.elements()));
  if (stored.dtype == DType::f32) {
    std::copy_n(stored.f32(), factors.size(), factors.begin());
  } else {
    halves_to_floats(static_cast<const std::uint16_t*>(stored.data), factors.data(),
                     factors.size());
  }
  model.release(scale);
  return load_linear(model, name, {factors.data(), DType::f32, stored.shape});
}

// A layer that only norm_linear uses, with this norm.
Linear Stage::load_normed(const ModelFile& model, const std::string& name,
                          const std::string& norm) {
  return load_linear(model, name, {},
                     {model.tensor(norm + ".weight"), model.tensor(norm + ".bias")});
}

Linear Stage::load_linear(const ModelFile& model, const std::string& name, ConstTensor scale,
                          InputNorm norm) {
  ConstTensor weight = model.tensor(name + ".weight");
  const ConstTensor bias = model.tensor(name + ".bias");
  // A patch embedding is stored as a convolution's [dim, channels, h, w]: as a matrix, [dim, the
  // rest].
  if (weight.shape.rank() == 4) {
    weight.shape = {weight.shape[0], weight.shape[1] * weight.shape[2] * weight.shape[3]};
  }
  Linear layer(context_, weight, bias, scale, norm);
  model.release(name + ".weight");
  model.release(name + ".bias");
  return layer;
}

Stage::Norm Stage::load_norm(const ModelFile& model, const std::string& name) {
  return {load_parameter(model, name + ".weight"), load_parameter(model, name + ".bias")};
}

}  // namespace quantring
