#include "weights_tools/plan/plan.h"

#include <fmt/format.h>

#include <set>

#include "ops/base/error.h"
#include "weights_tools/plan/choices.h"
#include "weights_tools/plan/classes.h"
#include "weights_tools/plan/config_check.h"
#include "weights_tools/plan/missing_facts.h"
#include "weights_tools/plan/positions.h"
#include "weights_tools/plan/preprocessing.h"
#include "weights_tools/plan/recipes.h"
#include "weights_tools/plan/roles.h"

namespace quantring::weights {
namespace {

// Not below the limits of check_architecture(): they avoid overflows before it is called.
constexpr int max_depth = 512, max_patch = 8192;

// The depth, if the blocks are 0..depth-1.
int count_blocks(const Naming& naming) {
  std::set<int> blocks;
  for (const auto& [role, source] : naming.roles) {
    if (role.rfind("blocks.", 0) != 0) continue;
    blocks.insert(std::stoi(role.substr(7, 4)));  // at most four digits: apply_table
  }
  if (blocks.empty()) throw Error("the checkpoint has no transformer blocks");
  const int depth = static_cast<int>(blocks.size());
  if (*blocks.rbegin() != depth - 1) {
    int missing = 0;
    while (blocks.count(missing)) ++missing;
    throw Error(fmt::format("block {} is missing: the checkpoint has blocks up to {}", missing,
                            *blocks.rbegin()));
  }
  if (depth > max_depth) throw Error(fmt::format("{} blocks: at most {}", depth, max_depth));
  return depth;
}

class Planner {
 public:
  Planner(const TensorInfos& tensors, const ConfigFacts& config, const ConvertHints& hints)
      : config_(config),
        hints_(hints),
        naming_(read_names(tensors, config)),
        roles_(tensors, naming_) {}

  ConversionPlan plan() {
    found("naming", naming_.framework, "tensor names");
    sizes();
    check_config_belongs(a_, config_);
    heads();
    tokens();
    pooling();
    const PositionPlan positions = this->positions();
    norm_eps();
    activation();
    parts();
    check_architecture(a_);
    plan_.recipes = make_recipes(a_, roles_, positions, plan_.findings);
    check_all_used();
    append(naming_.unused);
    append(naming_.notes);
    preprocess();
    if (!missing_.empty()) throw MissingFacts(std::move(missing_));
    plan_.independent = infer_independent(a_.classes, config_, hints_, plan_.findings);
    plan_.labels = infer_labels(a_.classes, config_, plan_.findings);
    return std::move(plan_);
  }

 private:
  void found(const std::string& what, const std::string& value, const std::string& source) {
    plan_.findings.push_back({what, value, source});
  }
  void append(const std::vector<Finding>& findings) {
    plan_.findings.insert(plan_.findings.end(), findings.begin(), findings.end());
  }

  void sizes() {
    const auto patch = roles_.shape("patch.weight", 4);
    a_.dim = static_cast<int>(patch[0]);
    a_.channels = static_cast<int>(patch[1]);
    a_.patch_height = static_cast<int>(patch[2]);
    a_.patch_width = static_cast<int>(patch[3]);
    if (patch[2] > max_patch || patch[3] > max_patch) {
      throw Error(
          fmt::format("patches of {}x{} pixels: at most {}", patch[2], patch[3], max_patch));
    }
    a_.depth = count_blocks(naming_);
    const auto fc1 = roles_.shape("blocks.0.mlp.fc1.weight", 2);
    const auto fc2 = roles_.shape("blocks.0.mlp.fc2.weight", 2);
    if (fc1[0] == 2 * fc2[1]) {
      throw Error(fmt::format(
          "the model has a gated MLP ('{}' gives twice what '{}' takes: SwiGLU or "
          "another GLU), which QuantRing cannot run",
          roles_.name("blocks.0.mlp.fc1.weight"), roles_.name("blocks.0.mlp.fc2.weight")));
    }
    a_.mlp_dim = static_cast<int>(fc1[0]);
    a_.classes = static_cast<int>(roles_.shape("head.weight", 2)[0]);
    found("model",
          fmt::format("dim {}, {} blocks, MLP {}, {} classes, {} channel{}, patches {}x{}", a_.dim,
                      a_.depth, a_.mlp_dim, a_.classes, a_.channels, a_.channels == 1 ? "" : "s",
                      a_.patch_height, a_.patch_width),
          "tensor shapes");
  }

  // From the length of a per-head norm.
  std::optional<Fact<int>> heads_by_norm() const {
    const std::string role = "blocks.0.attn.q_norm.weight";
    if (!roles_.has(role)) return std::nullopt;
    const std::int64_t size = roles_.shape(role, 1)[0];
    if (a_.dim % size != 0) return std::nullopt;
    return Fact<int>{static_cast<int>(a_.dim / size),
                     fmt::format("shape of '{}'", roles_.name(role))};
  }

  void heads() {
    std::optional<Fact<int>> fact;
    if (hints_.heads) {
      fact = {*hints_.heads, "--heads"};
    } else if (config_.heads) {
      fact = config_.heads;
    } else if (naming_.heads) {
      fact = naming_.heads;
    } else {
      fact = heads_by_norm();
    }
    if (!fact) {
      const std::string guess =
          a_.dim % 64 == 0 ? fmt::format("; most ViTs of this width have {}", a_.dim / 64) : "";
      missing_.push_back(fmt::format(
          "the number of attention heads is not in the files: add --heads N (dim is {}{})", a_.dim,
          guess));
      a_.heads =
          1;  // lets the remaining checks run, so that all missing facts are reported at once
      return;
    }
    a_.heads = fact->value;
    if (a_.heads < 1 || a_.dim % a_.heads != 0) {
      const std::string text =
          fmt::format("{}: {} heads do not divide dim {}", fact->source, a_.heads, a_.dim);
      if (hints_.heads) throw OptionError(text);
      throw Error(text);
    }
    found("heads", fmt::format("{} of {}", a_.heads, a_.head_dim()), fact->source);
  }

  void tokens() {
    a_.has_class_token = roles_.has("token.class");
    a_.has_distillation_token = roles_.has("token.distillation");
    std::string text;
    if (a_.has_class_token) text += "class, ";
    if (a_.has_distillation_token) text += "distillation, ";
    if (roles_.has("token.registers")) {
      const std::int64_t registers = roles_.shape("token.registers", 2)[0];
      // prefix_tokens() must not overflow before the architecture is checked.
      if (registers > 65536) throw Error(fmt::format("{} register tokens: too many", registers));
      a_.registers = static_cast<int>(registers);
      text += fmt::format("{} register{}, ", registers, registers == 1 ? "" : "s");
    }
    found("tokens", text + "patches", "tensor names");
  }

  void pooling() {
    Fact<Pooling> fact = *naming_.pooling;
    if (hints_.pooling) {
      const auto wanted = pooling_hint(*hints_.pooling);
      if (has_second_head(fact.value)) {
        throw OptionError(fmt::format(
            "--pooling {}: the model's classifier takes the {} ({}); leave --pooling out{}",
            *hints_.pooling, pooling_text(fact.value), fact.source,
            fact.value == Pooling::class_and_average && hints_.separate_head
                ? fmt::format(", or give a --head of {} inputs, which takes one of them", a_.dim)
                : ""));
      }
      fact = wanted;
    } else if (config_.pooling && !has_second_head(fact.value)) {
      fact = *config_.pooling;
    } else if (hints_.separate_head && fact.value == Pooling::class_token) {
      missing_.push_back(
          "the pooling that the head of --head was trained with is not in the files: add --pooling "
          "class_token or --pooling average");
    }
    a_.pooling = fact.value;
    if (a_.pooling == Pooling::class_token && !a_.has_class_token) {
      const std::string text = fmt::format("{}: the checkpoint has no class token", fact.source);
      if (hints_.pooling) throw OptionError(text + "; use --pooling average");
      throw Error(text);
    }
    if (a_.pooling == Pooling::class_and_distillation && !a_.has_distillation_token) {
      throw Error(fmt::format("{}, but no distillation token", fact.source));
    }
    // For a single token, before and after are the same.
    a_.norm_after_pooling = a_.pooling == Pooling::average && roles_.has("pooled_norm.weight");
    found("pooling", pooling_text(a_.pooling), fact.source);
    if (a_.pooling == Pooling::average) {
      found("final norm", a_.norm_after_pooling ? "after the pooling" : "before the pooling",
            "tensor names");
    }
  }

  PositionPlan positions() {
    if (!roles_.has("position")) {
      throw Error(
          "the model has no learned position embeddings (rotary ones, RoPE, as in DINOv3, or "
          "relative ones), which QuantRing needs");
    }
    PositionRequest request;
    request.tensor = roles_.name("position");
    request.rows = roles_.shape("position", 2)[0];
    request.patch_height = a_.patch_height;
    request.patch_width = a_.patch_width;
    request.prefix_tokens = a_.prefix_tokens();
    request.positioned_prefix = naming_.positioned_prefix;
    request.table_size = config_.image_size;
    request.resampling = naming_.resampling;
    if (hints_.image_size) {
      request.wanted = {*hints_.image_size, "--image-size"};
      request.wanted_by_option = true;
    } else if (naming_.any_image_size && config_.crop) {
      request.wanted = {*config_.crop, config_.resize_mode->source};
    }
    PositionPlan positions = plan_positions(request);
    a_.image_height = positions.image.height;
    a_.image_width = positions.image.width;
    append(positions.findings);
    return positions;
  }

  void norm_eps() {
    std::optional<Fact<float>> fact = config_.norm_eps ? config_.norm_eps : naming_.norm_eps;
    if (hints_.norm_eps) fact = {*hints_.norm_eps, "--norm-eps"};
    if (!fact) {
      missing_.push_back(fmt::format(
          "the norms' eps is not in the files: add --norm-eps E (usual: {})",
          roles_.has("embed.norm.weight") ? "1e-5 for CLIP"
                                          : "1e-12 for ViT and DeiT, 1e-6 for DINOv2 and ViT-MSN"));
      return;
    }
    a_.norm_eps = fact->value;
    found("norm eps", fmt::format("{}", a_.norm_eps), fact->source);
  }

  void activation() {
    std::optional<Fact<Activation>> fact =
        config_.activation ? config_.activation : naming_.activation;
    if (hints_.activation) fact = activation_hint(*hints_.activation);
    if (!fact) {
      missing_.push_back(
          "the activation is not in the files: add --activation gelu, gelu_quick (OpenAI's CLIP) "
          "or gelu_tanh (some SigLIP models)");
      return;
    }
    a_.activation = fact->value;
    found("activation", activation_text(a_.activation), fact->source);
  }

  void parts() {
    a_.embed_norm = roles_.has("embed.norm.weight");
    a_.qk_norm = roles_.has("blocks.0.attn.q_norm.weight");
    a_.layer_scale = roles_.has("blocks.0.scale1");
    if (!roles_.has("norm.weight") && !roles_.has("pooled_norm.weight")) {
      throw Error(fmt::format("the model has no layernorm after its blocks, which a {} model needs",
                              naming_.framework));
    }
    if (a_.embed_norm) found("norm before the blocks", "yes", "tensor names");
    if (a_.qk_norm) found("qk-norm", "yes", "tensor names");
    if (a_.layer_scale) found("LayerScale", "yes", "tensor names");
  }

  void check_all_used() const {
    std::set<std::string> used;
    for (const auto& [name, recipe] : plan_.recipes) {
      for (const Part& part : recipe) used.insert(part.source);
    }
    for (const auto& [role, source] : naming_.roles) {
      if (!used.count(source.tensor)) {
        throw Error(
            fmt::format("tensor '{}' does not fit a model with the other tensors", source.tensor));
      }
    }
  }

  void preprocess() {
    try {
      plan_.preprocess = infer_preprocess(a_, config_, hints_, plan_.findings);
    } catch (const MissingFacts& error) {
      missing_.insert(missing_.end(), error.facts().begin(), error.facts().end());
    }
  }

  const ConfigFacts& config_;
  const ConvertHints& hints_;
  const Naming naming_;
  const Roles roles_;
  std::vector<std::string> missing_;  // texts of MissingFacts
  ConversionPlan plan_;
  Architecture& a_ = plan_.architecture;
};

}  // namespace

ConversionPlan plan_conversion(const TensorInfos& tensors, const ConfigFacts& config,
                               const ConvertHints& hints) {
  return Planner(tensors, config, hints).plan();
}

}  // namespace quantring::weights
