#pragma once
// Golden tests: a checkpoint, the expected architecture, and the values that its framework
// computes.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/stage/stage.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "weights_tools/convert/convert.h"

namespace quantring::test {

struct GoldenCase {
  std::string name;    // NAME.golden.safetensors has the framework's values
  std::string source;  // the file or folder to convert
  Architecture expected;
  weights::ConvertHints hints = {};  // only facts that are not in the files
  std::string part = {};             // dictionary of a PyTorch file that has several
  std::string head = {};             // file of the classifier, if it is separate
};

inline std::vector<float> floats(const SafetensorsFile& file, const std::string& name) {
  REQUIRE(file.tensors().at(name).dtype == "F32");
  const std::vector<std::byte> data = file.read(name);
  std::vector<float> values(data.size() / 4);
  std::memcpy(values.data(), data.data(), data.size());
  return values;
}

struct Difference {
  double max = 0;       // absolute
  double relative = 0;  // L2 norm of the difference over that of the expected values
};

inline Difference compare(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  Difference result;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    REQUIRE(std::isfinite(actual[i]));
    const double delta = std::fabs(double{actual[i]} - expected[i]);
    result.max = std::max(result.max, delta);
    difference += delta * delta;
    norm += double{expected[i]} * expected[i];
  }
  result.relative = std::sqrt(difference / norm);
  return result;
}

inline std::filesystem::path convert_to(const std::filesystem::path& output,
                                        weights::ConvertOptions options) {
  options.output = output;
  weights::convert(options, [](std::uint64_t, std::uint64_t) {});
  return output;
}

// Converts DeiT-Tiny as timm stores it, with the facts that are not in its file.
inline std::filesystem::path convert_deit_tiny(const std::filesystem::path& checkpoint,
                                               const std::filesystem::path& output) {
  weights::ConvertOptions options;
  options.input = checkpoint;
  options.hints.heads = 3;
  options.hints.resize = "256";
  options.hints.interpolation = "bicubic";
  options.hints.mean = {0.485f, 0.456f, 0.406f};
  options.hints.std = {0.229f, 0.224f, 0.225f};
  return convert_to(output, options);
}

// The residual stream behind the last block of a stage: [images, tokens, dim] or, if only the first
// tokens are used by the head, [tokens, images, dim].
struct LastResidual {
  std::vector<float> values;
  Shape shape;
};

inline LastResidual last_residual(Context& context, Stage& stage, const ConstTensor& pixels) {
  LastResidual last;
  stage.observe([&](const std::string& name, ConstTensor value) {
    if (name.ends_with(".mlp.residual")) last = {host_values(context, value), value.shape};
  });
  stage.forward_pixels(pixels);
  stage.observe({});
  return last;
}

// The framework's [images, tokens, dim] in the same shape.
inline std::vector<float> in_shape(const std::vector<float>& all, const Shape& of,
                                   const Shape& shape) {
  if (shape == of) return all;
  std::vector<float> chosen;
  for (std::int64_t token = 0; token < shape[0]; ++token) {
    for (std::int64_t image = 0; image < of[0]; ++image) {
      const auto begin = all.begin() + (image * of[1] + token) * of[2];
      chosen.insert(chosen.end(), begin, begin + of[2]);
    }
  }
  return chosen;
}

// Runs the golden input through the first 1, 2, ... blocks: the residual stream behind each block,
// and the logits, must be within `bound` (relative, L2) of the framework's.
inline void check_blocks(const ModelFile& model, const SafetensorsFile& expected,
                         const std::string& name, const Setting& setting, double bound) {
  CAPTURE(setting.name);
  const auto& input = expected.tensors().at("input");
  const auto pixels = floats(expected, "input");
  const int images = static_cast<int>(input.shape[0]);
  Context context(setting.options);
  const Uploaded pixel_tensor(context,
                              {pixels.data(),
                               DType::f32,
                               {input.shape[0], input.shape[1], input.shape[2], input.shape[3]}});
  double max_block_error = 0;
  for (int block = 0; block < model.architecture().depth; ++block) {
    CAPTURE(block);
    Stage stage(context, model, {0, 2 * (block + 1)}, images);
    const LastResidual residual = last_residual(context, stage, pixel_tensor);
    const Shape all = stage.residual(images).shape;
    const auto difference =
        compare(residual.values,
                in_shape(floats(expected, "block_" + std::to_string(block)), all, residual.shape));
    CHECK(difference.relative <= bound);
    max_block_error = std::max(max_block_error, difference.relative);
    if (!stage.last()) continue;
    const ConstTensor result = stage.forward_pixels(pixel_tensor);
    const auto logits = compare(host_values(context, result), floats(expected, "logits"));
    CHECK(logits.relative <= bound);
    MESSAGE(name << " on " << setting.name << ": relative error of the logits " << logits.relative
                 << ", of the worst block " << max_block_error);
  }
}

// Converts the source and checks the architecture, then check_blocks in all settings of this
// machine. bound: for f32.
inline void check_golden(const std::filesystem::path& folder, const GoldenCase& golden,
                         double bound) {
  CAPTURE(golden.name);
  const TemporaryFolder scratch;
  weights::ConvertOptions options;
  options.input = folder / golden.source;
  options.hints = golden.hints;
  options.part = golden.part;
  if (!golden.head.empty()) options.head = folder / golden.head;
  const ModelFile model(convert_to(scratch / "model.safetensors", options));
  CHECK(architecture_to_json(model.architecture()) == architecture_to_json(golden.expected));
  const SafetensorsFile expected(folder / (golden.name + ".golden.safetensors"));
  for (const Setting& setting : all_settings()) {
    check_blocks(model, expected, golden.name, setting, setting.bound(bound));
  }
}

}  // namespace quantring::test
