#include "weights_tools/convert/convert.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>

#include "engine/labels/class_names.h"
#include "engine/labels/imagenet_classes.h"
#include "ops/base/error.h"
#include "weights_tools/config/known_models.h"
#include "weights_tools/convert/head_file.h"
#include "weights_tools/model/is_model_file.h"
#include "weights_tools/plan/missing_facts.h"
#include "weights_tools/plan/plan.h"

namespace quantring::weights {
namespace {

namespace fs = std::filesystem;

// A file that the conversion reads, with its description in errors.
struct InputFile {
  fs::path path;
  std::string what;
};

std::vector<InputFile> input_files(const ConvertOptions& options, const OpenedCheckpoint& input,
                                   const std::vector<fs::path>& head_files) {
  std::vector<InputFile> all;
  for (const fs::path& file : input.files) all.push_back({file, "the checkpoint itself"});
  for (const fs::path& file : head_files) all.push_back({file, "the file of --head"});
  all.push_back({options.labels, "the file of --labels"});
  all.push_back({options.config, "the file of --config"});
  // Protected also if --config names another file.
  const fs::path folder = input.file.parent_path();
  all.push_back(
      {fs::path(input.file).replace_extension(".config.json"), "the checkpoint's config"});
  for (const char* name : {"config.json", "preprocessor_config.json"}) {
    all.push_back({folder / name, "the checkpoint's config"});
  }
  return all;
}

void refuse_overwriting(const fs::path& output, const std::vector<InputFile>& files) {
  for (const InputFile& file : files) {
    std::error_code ignored;  // false for missing files
    if (!fs::equivalent(output, file.path, ignored)) continue;
    throw OptionError(fmt::format("--output {}: this is {}; give the model file another name",
                                  output.string(), file.what));
  }
}

// The checkpoint tensor with a value that cannot be stored; else the first one of the recipe.
std::string source_of_bad_value(const Recipe& recipe, const std::vector<float>& values) {
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
    throw Error(fmt::format("'{}' has {} class names, the model has {} classes",
                            options.labels.string(), plan.labels.size(),
                            plan.architecture.classes));
  }
  std::erase_if(plan.findings, [](const Finding& finding) { return finding.what == "labels"; });
  plan.findings.push_back(
      {"labels", fmt::format("{} names", plan.labels.size()), options.labels.string()});
}

// The facts of --like, with the class names of the config beside the checkpoint.
ConfigFacts like(const ConvertOptions& options, const ConfigFacts& beside) {
  ConfigFacts facts = facts_like(options.like);
  facts.labels = beside.labels;
  facts.numbered_labels = beside.numbered_labels;
  facts.labels_unusable = beside.labels_unusable;
  facts.independent_classes = beside.independent_classes;
  if (!facts.labels && !facts.numbered_labels && is_imagenet_model(options.like))
    facts.labels = {imagenet_class_names(), "ImageNet's, as --like has them"};
  return facts;
}

// The line that gives the missing facts, if the file has the name of a known model and fits it.
std::string proposal(const ConvertOptions& options, const Checkpoint& checkpoint,
                     const fs::path& file, const ConvertHints& hints) {
  const auto name = known_name(file);
  if (!name || !options.like.empty()) return {};
  try {
    plan_conversion(checkpoint.tensors(), facts_like(*name), hints);
  } catch (const Error&) {
    return {};
  }
  return fmt::format(
      "\nor, since it has the name of a published model: quantring-weights convert '{}' --like {} "
      "-o '{}'",
      options.input.string(), *name, options.output.string());
}

// A hint for errors if the file is one part of a checkpoint: NAME-00001-of-00003.safetensors.
std::string one_of_several(const fs::path& file) {
  const std::string stem = file.stem().string();
  const auto of = stem.rfind("-of-");
  if (of == std::string::npos || of < 6 ||
      stem.find_first_not_of("0123456789", of + 4) != stem.npos)
    return {};
  return " (this file is one of several: name the folder, or the .index.json)";
}

}  // namespace

ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  OpenedCheckpoint input = open_checkpoint(options.input, options.part);
  // Model files are safetensors with names close to timm's: without this check the error would be
  // about an unknown tensor.
  if (is_model_file(input.file)) {
    throw Error(
        fmt::format("'{}' is already a model file, which quantring can run", input.file.string()));
  }
  std::string source = fmt::format("'{}'", input.file.string());
  OpenedCheckpoint head;
  if (!options.head.empty()) {
    head = open_checkpoint(options.head);
    source += fmt::format(" with the head of '{}'", head.file.string());
  }
  refuse_overwriting(options.output, input_files(options, input, head.files));
  if (head.checkpoint != nullptr) {
    input.checkpoint = attach_head(std::move(input.checkpoint), std::move(head));
  }
  ConversionPlan plan;
  ConfigFacts config = read_config_beside(input.file, options.config);
  if (!options.like.empty()) config = like(options, config);
  try {
    ConvertHints hints = options.hints;
    hints.separate_head = !options.head.empty();
    try {
      plan = plan_conversion(input.checkpoint->tensors(), config, hints);
    } catch (const MissingFacts& missing) {
      throw OptionError(missing.what() + proposal(options, *input.checkpoint, input.file, hints));
    }
  } catch (const OptionError& error) {
    throw OptionError(fmt::format("{}: {}{}", source, error.what(), one_of_several(input.file)));
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}{}", source, error.what(), one_of_several(input.file)));
  }
  plan.findings.insert(plan.findings.begin(),
                       {"checkpoint", input.checkpoint->format(), input.file.string()});
  read_labels(options, plan);

  ModelWriter writer(options.output, plan.architecture, plan.preprocess, plan.labels,
                     options.storage, plan.independent);
  std::uint64_t total = 0;
  for (const TensorSpec& spec : writer.tensors()) {
    total += spec.elements() * stored_dtype_bytes(stored_dtype(spec, options.storage));
  }
  progress(0, total);
  for (const TensorSpec& spec : writer.tensors()) {
    const Recipe& recipe = plan.recipes.at(spec.name);
    try {
      const std::vector<float> values = assemble(recipe, *input.checkpoint);
      writer.write(values,
                   fmt::format("{}: tensor '{}'", source, source_of_bad_value(recipe, values)));
    } catch (const std::bad_alloc&) {
      throw Error(fmt::format("{}: not enough memory for tensor '{}'", source, spec.name));
    }
    progress(writer.bytes(), total);
  }
  ConvertReport report;
  report.hash = writer.commit();
  report.bytes = writer.bytes();
  report.findings = std::move(plan.findings);
  return report;
}

}  // namespace quantring::weights
