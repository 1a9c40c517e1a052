#include "weights_tools/inspect.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/preprocess_json.h"

namespace quantring::weights {
namespace {

struct Size {
  std::uint64_t parameters = 0, bytes = 0;
};

Size size_of(const ModelFile& model, const std::string& prefix) {
  Size size;
  for (const auto& [name, tensor] : model.tensors()) {
    if (name.rfind(prefix, 0) != 0) continue;
    size.bytes += tensor.data.size();
    size.parameters += tensor.data.size() / stored_dtype_bytes(tensor.dtype);
  }
  return size;
}

double megabytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::string storage(const ModelFile& model) {
  return model.tensors().at("head.weight").dtype;
}

}  // namespace

std::string inspect_text(const ModelFile& model) {
  const Architecture& a = model.architecture();
  const PreprocessConfig& p = model.preprocess();
  const Size all = size_of(model, ""), block = size_of(model, "blocks.0.");
  std::string text;
  const auto line = [&](const std::string& what, const std::string& value) {
    text += fmt::format("{:<14} {}\n", what, value);
  };
  line("file", model.path());
  line("architecture",
       fmt::format("ViT, {} blocks, dim {}, {} heads of {}, MLP {}, {} tokens", a.depth, a.dim,
                   a.heads, a.dim / a.heads, a.mlp_dim, a.tokens()));
  line("input", fmt::format("{}x{}x{}, patches {}x{}, class token {}, pooling {}", a.image_height,
                            a.image_width, a.channels, a.patch_height, a.patch_width,
                            a.has_class_token ? "yes" : "no",
                            a.pooling == Pooling::average ? "average" : "class token"));
  line("activation",
       fmt::format("{}, norm eps {}",
                   a.activation == Activation::gelu_erf ? "gelu (exact)" : "gelu (tanh)",
                   a.norm_eps));
  line("preprocessing",
       fmt::format("resize {}, crop {}x{}, mean {}, std {}",
                   p.mode == ResizeMode::shorter
                       ? fmt::format("shorter side to {} ({})", p.resize_shorter,
                                     interpolation_name(p.interpolation))
                       : resize_mode_name(p.mode),
                   p.crop_height, p.crop_width, fmt::join(p.mean, " "), fmt::join(p.std, " ")));
  line("classes", model.labels().empty()
                      ? fmt::format("{}, without labels", a.classes)
                      : fmt::format("{}: {} ... {}", a.classes, model.labels().front(),
                                    model.labels().back()));
  line("parameters", fmt::format("{} ({:.2f} MB as {}; a block {:.2f} MB)", all.parameters,
                                 megabytes(all.bytes), storage(model), megabytes(block.bytes)));
  line("operations", fmt::format("{:.2f} GFLOP an image", gflops_per_image(a)));
  line("hash", model.hash());
  return text;
}

std::string inspect_json(const ModelFile& model) {
  using nlohmann::ordered_json;
  const Size all = size_of(model, ""), block = size_of(model, "blocks.0.");
  const ordered_json value = {
      {"file", model.path()},
      {"architecture", ordered_json::parse(architecture_to_json(model.architecture()))},
      {"preprocess", ordered_json::parse(preprocess_to_json(model.preprocess()))},
      {"labels", model.labels()},
      {"dtype", storage(model)},
      {"parameters", all.parameters},
      {"bytes", all.bytes},
      {"bytes_per_block", block.bytes},
      {"gflops", gflops_per_image(model.architecture())},
      {"hash", model.hash()}};
  return value.dump(2);
}

}  // namespace quantring::weights
