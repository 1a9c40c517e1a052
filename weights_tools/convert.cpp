#include "weights_tools/convert.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "engine/labels.h"
#include "ops/error.h"
#include "weights_tools/head_file.h"
#include "weights_tools/naming/plan.h"

namespace quantring::weights {
namespace {

namespace fs = std::filesystem;

// Model files are safetensors too, and their names are close to timm's: said here rather than by
// the first tensor that fits nothing.
void refuse_model_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string begin(4096, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  const bool safetensors = begin.size() > 8 && begin[8] == '{';
  if (safetensors && begin.find("\"quantring.format\"") != std::string::npos) {
    throw Error(
        fmt::format("'{}' is already a model file: quantring runs it as it is", path.string()));
  }
}

// The file that says what there is, and, for an index, the shards that it names.
bool is_input(const fs::path& output, const fs::path& input) {
  std::error_code ignored;
  if (fs::equivalent(output, input, ignored)) return true;
  const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
  const fs::path input_folder = input.has_parent_path() ? input.parent_path() : fs::path(".");
  if (input.extension() != ".json" || !fs::equivalent(folder, input_folder, ignored)) return false;
  std::ifstream index(input, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(index), {}};
  return text.find(fmt::format("\"{}\"", output.filename().string())) != std::string::npos;
}

// The tensor of the checkpoint whose value cannot be stored, or the first one of the recipe.
std::string culprit(const Recipe& recipe, const std::vector<float>& values) {
  constexpr float f16_limit = 65520.0f;  // from here on f16 rounds to infinity
  std::size_t bad = 0;
  for (const float limit : {std::numeric_limits<float>::infinity(), f16_limit}) {
    for (bad = 0; bad < values.size() && std::fabs(values[bad]) < limit; ++bad) {
    }
    if (bad < values.size()) break;
  }
  std::size_t end = 0;
  for (const Part& part : recipe) {
    end += static_cast<std::size_t>(part.rows * part.columns);
    if (bad < end) return part.source;
  }
  for (const Part& part : recipe) {
    if (!part.source.empty()) return part.source;
  }
  return "zeros";
}

void read_labels(const ConvertOptions& options, ConversionPlan& plan) {
  if (options.labels.empty()) return;
  plan.labels = read_class_names(options.labels.string());
  if (plan.labels.size() != static_cast<std::size_t>(plan.architecture.classes)) {
    throw Error(fmt::format("'{}' names {} classes, the model has {}", options.labels.string(),
                            plan.labels.size(), plan.architecture.classes));
  }
  std::erase_if(plan.findings, [](const Finding& finding) { return finding.what == "labels"; });
  plan.findings.push_back(
      {"labels", fmt::format("{} names", plan.labels.size()), options.labels.string()});
}

}  // namespace

ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  refuse_model_file(options.input);
  OpenedCheckpoint input = open_checkpoint(options.input, options.part);
  if (is_input(options.output, options.input) || is_input(options.output, input.file) ||
      is_input(options.output, options.head)) {
    throw Error(fmt::format("'{}' is the checkpoint itself: give the model file another name",
                            options.output.string()));
  }
  if (!options.head.empty()) {
    input.checkpoint = attach_head(std::move(input.checkpoint), options.head);
  }
  ConversionPlan plan;
  const ConfigFacts config = read_config_beside(input.file, options.config);
  try {
    plan = plan_conversion(input.checkpoint->tensors(), config, options.hints);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", input.file.string(), error.what()));
  }
  plan.findings.insert(plan.findings.begin(),
                       {"checkpoint", input.checkpoint->format(), input.file.string()});
  read_labels(options, plan);

  ModelWriter writer(options.output, plan.architecture, plan.preprocess, plan.labels,
                     options.storage);
  std::uint64_t all = 0;
  for (const TensorSpec& spec : writer.tensors()) {
    std::uint64_t bytes = stored_dtype(spec, options.storage) == "F16" ? 2 : 4;
    for (const std::int64_t size : spec.shape) bytes *= static_cast<std::uint64_t>(size);
    all += bytes;
  }
  progress(0, all);
  for (const TensorSpec& spec : writer.tensors()) {
    const Recipe& recipe = plan.recipes.at(spec.name);
    const std::vector<float> values = cook(recipe, *input.checkpoint);
    writer.write(values, culprit(recipe, values));
    progress(writer.bytes(), all);
  }
  ConvertReport report;
  report.hash = writer.commit();
  report.bytes = writer.bytes();
  report.findings = std::move(plan.findings);
  return report;
}

}  // namespace quantring::weights
