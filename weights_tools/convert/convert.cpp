#include "weights_tools/convert/convert.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>

#include "engine/model/labels.h"
#include "ops/base/error.h"
#include "weights_tools/convert/head_file.h"
#include "weights_tools/inspect/inspect_checkpoint.h"
#include "weights_tools/naming/plan.h"

namespace quantring::weights {
namespace {

namespace fs = std::filesystem;

// A file that the conversion reads, and how errors call it.
struct ReadFile {
  fs::path path;
  std::string what;
};

std::vector<ReadFile> files_read(const ConvertOptions& options, const OpenedCheckpoint& input,
                                 const std::vector<fs::path>& head_files) {
  std::vector<ReadFile> all;
  for (const fs::path& file : input.files) all.push_back({file, "the checkpoint itself"});
  for (const fs::path& file : head_files) all.push_back({file, "the file of --head"});
  all.push_back({options.labels, "the file of --labels"});
  all.push_back({options.config, "the file of --config"});
  // Whether or not --config has the conversion read another: they are not to be lost either way.
  const fs::path folder = input.file.parent_path();
  all.push_back(
      {fs::path(input.file).replace_extension(".config.json"), "the checkpoint's config"});
  for (const char* name : {"config.json", "preprocessor_config.json"}) {
    all.push_back({folder / name, "the checkpoint's config"});
  }
  return all;
}

void refuse_overwriting(const fs::path& output, const std::vector<ReadFile>& files) {
  for (const ReadFile& file : files) {
    std::error_code ignored;  // false for what is not there
    if (!fs::equivalent(output, file.path, ignored)) continue;
    throw Error(
        fmt::format("'{}' is {}: give the model file another name", output.string(), file.what));
  }
}

// The tensor of the checkpoint whose value cannot be stored, or the first one of the recipe.
std::string culprit(const Recipe& recipe, const std::vector<float>& values) {
  std::size_t bad = 0;
  for (const float limit : {std::numeric_limits<float>::infinity(), too_large_for_f16}) {
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

// What to add to an error if the file is one part of a checkpoint: NAME-00001-of-00003.safetensors.
std::string one_of_several(const fs::path& file) {
  const std::string stem = file.stem().string();
  const auto of = stem.rfind("-of-");
  if (of == std::string::npos || of < 6 ||
      stem.find_first_not_of("0123456789", of + 4) != stem.npos)
    return {};
  return " (this file is one of several: give the folder, or its .index.json)";
}

}  // namespace

ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  OpenedCheckpoint input = open_checkpoint(options.input, options.part);
  // Model files are safetensors too, and their names are close to timm's: said here rather than by
  // the first tensor that fits nothing.
  if (is_model_file(input.file)) {
    throw Error(fmt::format("'{}' is already a model file: quantring runs it as it is",
                            input.file.string()));
  }
  std::string source = fmt::format("'{}'", input.file.string());
  OpenedCheckpoint head;
  if (!options.head.empty()) {
    head = open_checkpoint(options.head);
    source += fmt::format(" with the head of '{}'", head.file.string());
  }
  refuse_overwriting(options.output, files_read(options, input, head.files));
  if (head.checkpoint != nullptr) {
    input.checkpoint = attach_head(std::move(input.checkpoint), std::move(head));
  }
  ConversionPlan plan;
  const ConfigFacts config = read_config_beside(input.file, options.config);
  try {
    ConvertHints hints = options.hints;
    hints.separate_head = !options.head.empty();
    plan = plan_conversion(input.checkpoint->tensors(), config, hints);
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}{}", source, error.what(), one_of_several(input.file)));
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
    try {
      const std::vector<float> values = cook(recipe, *input.checkpoint);
      writer.write(values, fmt::format("{}: tensor '{}'", source, culprit(recipe, values)));
    } catch (const std::bad_alloc&) {
      throw Error(fmt::format("{}: not enough memory for the tensors of '{}'", source, spec.name));
    }
    progress(writer.bytes(), all);
  }
  ConvertReport report;
  report.hash = writer.commit();
  report.bytes = writer.bytes();
  report.findings = std::move(plan.findings);
  return report;
}

}  // namespace quantring::weights
