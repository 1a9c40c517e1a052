#pragma once
// A Vision Transformer's forward pass in double precision, one image and one token at a time, as
// the papers write it. Slow and plain; shares nothing with the engine but the model file's tensors.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "engine/model/model_file.h"
#include "ops/half.h"

namespace quantring::reference {

using Vector = std::vector<double>;
using Tokens = std::vector<Vector>;

class Weights {
 public:
  explicit Weights(const ModelFile& model) {
    for (const auto& [name, stored] : model.tensors()) {
      Vector& values = values_[name];
      const std::size_t element = stored.dtype == "F16" ? 2 : 4;
      const std::vector<std::byte> data = model.bytes(name);
      for (std::size_t at = 0; at < data.size(); at += element) {
        values.push_back(static_cast<double>(value(data.data() + at, element)));
      }
    }
  }
  const Vector& operator()(const std::string& name) const { return values_.at(name); }

 private:
  static float value(const std::byte* bytes, std::size_t element) {
    std::uint16_t half;
    float wide;
    if (element == 2) {
      std::memcpy(&half, bytes, sizeof half);
      return half_to_float(half);
    }
    std::memcpy(&wide, bytes, sizeof wide);
    return wide;
  }
  std::map<std::string, Vector> values_;
};

class Forward {
 public:
  explicit Forward(const ModelFile& model)
      : a(model.architecture()),
        mean(model.preprocess().mean.begin(), model.preprocess().mean.end()),
        deviation(model.preprocess().std.begin(), model.preprocess().std.end()),
        weights(model) {}

  // pixels: [channels, height, width] of one image.
  Vector logits(std::span<const std::uint8_t> pixels) const { return logits(embed(pixels), 0); }

  // From the residual stream before this half-block.
  Vector logits(Tokens x, int half) const {
    for (; half < a.half_blocks(); ++half) {
      const std::string name = "blocks." + std::to_string(half / 2);
      half % 2 == 0 ? attention_half(name, x) : mlp_half(name, x);
    }
    return head(x);
  }

 private:
  Vector linear(const Vector& x, const std::string& name) const {
    Vector y = weights(name + ".bias");
    const Vector& weight = weights(name + ".weight");
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight[o * x.size() + i] * x[i];
    }
    return y;
  }

  Vector norm(const Vector& x, const std::string& name) const {
    const double n = static_cast<double>(x.size());
    double middle = 0, variance = 0;
    for (const double value : x) middle += value / n;
    for (const double value : x) variance += (value - middle) * (value - middle) / n;
    Vector y;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double scaled = (x[i] - middle) / std::sqrt(variance + static_cast<double>(a.norm_eps));
      y.push_back(scaled * weights(name + ".weight")[i] + weights(name + ".bias")[i]);
    }
    return y;
  }

  double activate(double x) const {
    switch (a.activation) {
      case Activation::gelu_erf:
        return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
      case Activation::gelu_tanh:
        return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
      case Activation::gelu_quick:
        return x / (1 + std::exp(-1.702 * x));
      default:
        return std::nan("");
    }
  }

  // The values that a convolution's kernel sees at one patch.
  Vector patch(std::span<const std::uint8_t> pixels, int top, int left) const {
    Vector values;
    for (int c = 0; c < a.channels; ++c) {
      for (int y = top; y < top + a.patch_height; ++y) {
        for (int x = left; x < left + a.patch_width; ++x) {
          const int at = (c * a.image_height + y) * a.image_width + x;
          const auto channel = static_cast<std::size_t>(c);
          values.push_back((pixels[static_cast<std::size_t>(at)] / 255.0 - mean[channel]) /
                           deviation[channel]);
        }
      }
    }
    return values;
  }

  Tokens embed(std::span<const std::uint8_t> pixels) const {
    const auto dim = static_cast<std::size_t>(a.dim);
    Tokens x;
    for (int i = 0; i < a.prefix_tokens(); ++i) {
      const auto row = weights("embed.prefix").begin() + i * a.dim;
      x.emplace_back(row, row + a.dim);
    }
    for (int top = 0; top < a.image_height; top += a.patch_height) {
      for (int left = 0; left < a.image_width; left += a.patch_width) {
        x.push_back(linear(patch(pixels, top, left), "embed.patch"));
      }
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t i = 0; i < dim; ++i) x[t][i] += weights("embed.position")[t * dim + i];
      if (a.embed_norm) x[t] = norm(x[t], "embed.norm");
    }
    return x;
  }

  // Part 0, 1 or 2 (query, key, value) of one head.
  Vector of_head(const Vector& qkv, int part, int head) const {
    const auto start = qkv.begin() + part * a.dim + head * a.head_dim();
    return {start, start + a.head_dim()};
  }

  Tokens attention(const Tokens& x, const std::string& name) const {
    Tokens out(x.size());
    for (int head = 0; head < a.heads; ++head) {
      Tokens q, k, v;
      for (const Vector& token : x) {
        const Vector qkv = linear(token, name + ".qkv");
        q.push_back(of_head(qkv, 0, head));
        k.push_back(of_head(qkv, 1, head));
        v.push_back(of_head(qkv, 2, head));
        if (a.qk_norm) {
          q.back() = norm(q.back(), name + ".q_norm");
          k.back() = norm(k.back(), name + ".k_norm");
        }
      }
      for (std::size_t query = 0; query < x.size(); ++query) {
        Vector weight;
        double sum = 0;
        for (const Vector& key : k) {
          double score = 0;
          for (std::size_t i = 0; i < key.size(); ++i) score += q[query][i] * key[i];
          weight.push_back(std::exp(score / std::sqrt(static_cast<double>(a.head_dim()))));
          sum += weight.back();
        }
        for (std::size_t i = 0; i < v[0].size(); ++i) {
          double value = 0;
          for (std::size_t key = 0; key < x.size(); ++key) value += weight[key] / sum * v[key][i];
          out[query].push_back(value);
        }
      }
    }
    for (Vector& token : out) token = linear(token, name + ".proj");
    return out;
  }

  // x += scale * added, where there is LayerScale.
  void add(Tokens& x, const Tokens& added, const std::string& scale) const {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t i = 0; i < x[t].size(); ++i) {
        x[t][i] += (a.layer_scale ? weights(scale)[i] : 1) * added[t][i];
      }
    }
  }

  void attention_half(const std::string& name, Tokens& x) const {
    Tokens normed;
    for (const Vector& token : x) normed.push_back(norm(token, name + ".norm1"));
    add(x, attention(normed, name + ".attn"), name + ".scale1");
  }

  void mlp_half(const std::string& name, Tokens& x) const {
    Tokens mlp;
    for (const Vector& token : x) {
      Vector hidden = linear(norm(token, name + ".norm2"), name + ".mlp.fc1");
      for (double& value : hidden) value = activate(value);
      mlp.push_back(linear(hidden, name + ".mlp.fc2"));
    }
    add(x, mlp, name + ".scale2");
  }

  Vector average_of_patches(const Tokens& x) const {
    Vector sum(x[0].size());
    for (std::size_t t = static_cast<std::size_t>(a.prefix_tokens()); t < x.size(); ++t) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += x[t][i] / a.patches();
    }
    return sum;
  }

  Vector head(const Tokens& x) const {
    if (a.pooling == Pooling::average && a.norm_after_pooling) {
      return linear(norm(average_of_patches(x), "norm"), "head");
    }
    Tokens normed;
    for (const Vector& token : x) normed.push_back(norm(token, "norm"));
    if (a.pooling == Pooling::average) return linear(average_of_patches(normed), "head");
    Vector logits = linear(normed[0], "head");
    if (a.pooling == Pooling::class_and_distillation) {
      const Vector other = linear(normed[1], "head_distillation");
      for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = (logits[i] + other[i]) / 2;
    }
    if (a.pooling == Pooling::class_and_average) {
      const Vector other = linear(average_of_patches(normed), "head_average");
      for (std::size_t i = 0; i < logits.size(); ++i) logits[i] += other[i];
    }
    return logits;
  }

  Architecture a;
  Vector mean, deviation;
  Weights weights;
};

}  // namespace quantring::reference
