// Names, shapes and types of tensors as in a malicious or unusual checkpoint: planning throws an
// Error, or the plan is consistent. The input selects a valid checkpoint of some naming and then
// changes it step by step: names, shapes, types, more tensors, fewer tensors.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include "ops/base/error.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/weights/formats/named_tensors.h"
#include "weights_tools/plan/plan.h"

namespace {

using namespace quantring;
using namespace quantring::weights;

using fuzz::Input;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<TensorInfos> make_bases() {
  std::vector<TensorInfos> bases = {test::timm_tensors(), test::timm_tensors(16)};
  for (const bool flag : {false, true}) {
    for (const char* model : {"vit.", "deit.", "dinov2.", ""})
      bases.push_back(test::hugging_face_tensors(model, flag));
    bases.push_back(test::torchvision_tensors(flag));
    for (const char* prefix : {"", "params/"}) bases.push_back(test::google_tensors(prefix, flag));
  }
  return bases;
}

// Names of tensors of all kinds.
const std::vector<std::string>& words() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names = {"dist_token",
                                      "reg_token",
                                      "register_tokens",
                                      "mask_token",
                                      "norm_pre.weight",
                                      "norm_pre.bias",
                                      "fc_norm.weight",
                                      "fc_norm.bias",
                                      "head_dist.weight",
                                      "head_dist.bias",
                                      "blocks.0.ls1.gamma",
                                      "blocks.1.ls1.gamma",
                                      "blocks.0.ls2.gamma",
                                      "blocks.1.ls2.gamma",
                                      "blocks.0.gamma_1",
                                      "blocks.0.attn.q_norm.weight",
                                      "blocks.0.attn.q_norm.bias",
                                      "blocks.0.attn.k_norm.weight",
                                      "blocks.0.attn.k_norm.bias",
                                      "blocks.1.attn.q_norm.weight",
                                      "blocks.1.attn.q_norm.bias",
                                      "blocks.1.attn.k_norm.weight",
                                      "blocks.1.attn.k_norm.bias",
                                      "blocks.9999.norm1.weight",
                                      "blocks.99999.norm1.weight",
                                      "blocks.00.norm1.weight",
                                      "blocks..norm1.weight",
                                      "blocks.2.norm1.weight",
                                      "vit.embeddings.register_tokens",
                                      "dinov2.embeddings.register_tokens",
                                      "cls_classifier.weight",
                                      "distillation_classifier.weight",
                                      "distillation_classifier.bias",
                                      "vit.pooler.dense.weight",
                                      "n_averaged",
                                      "opt/state/step",
                                      "pre_logits/kernel",
                                      "rope.freqs",
                                      ""};
    for (const TensorInfos& base : make_bases()) {
      for (const auto& [name, info] : base) names.push_back(name);
    }
    return names;
  }();
  return all;
}

std::int64_t some_size(Input& input) {
  static const std::vector<std::int64_t> sizes = {
      0,    1,     2,         3,         4,          5,          6,          12,        16,
      17,   18,    20,        24,        36,         40,         48,         -1,        8,
      1000, 65536, 100000000, 999999999, 1000000000, 2147483647, 4294967296, INT64_MAX, INT64_MIN};
  return input.one_of(sizes);
}

std::vector<std::int64_t> some_shape(Input& input) {
  std::vector<std::int64_t> shape(input.byte() % 6);
  for (auto& size : shape) size = some_size(input);
  return shape;
}

// A tensor of the map, if it has any.
TensorInfos::iterator some_tensor(Input& input, TensorInfos& tensors) {
  if (tensors.empty()) return tensors.end();
  return std::next(tensors.begin(), input.byte() % tensors.size());
}

void change(Input& input, TensorInfos& tensors) {
  static const std::vector<std::string> types = {"F32", "F16", "BF16", "F64", "I64", "I8", ""};
  const std::uint8_t kind = input.byte() % 10;
  const auto chosen = some_tensor(input, tensors);
  if (kind == 0) {
    tensors[input.one_of(words())] = {input.one_of(types), some_shape(input)};
  } else if (kind == 1) {
    tensors[input.one_of(words())] = {"F32", {1, input.byte() % 8, 12}};
  } else if (kind == 2) {
    tensors[input.one_of(words())] = {"F32", {input.byte() % 2 ? 12 : 4}};
  } else if (chosen == tensors.end()) {
    return;
  } else if (kind == 3) {
    tensors.erase(chosen);
  } else if (kind == 4) {
    chosen->second.shape = some_shape(input);
  } else if (kind == 5 && !chosen->second.shape.empty()) {
    chosen->second.shape[input.byte() % chosen->second.shape.size()] = some_size(input);
  } else if (kind == 6) {
    chosen->second.dtype = input.one_of(types);
  } else if (kind == 7) {  // a tensor gets another name
    const TensorInfo info = chosen->second;
    tensors.erase(chosen);
    tensors[input.one_of(words())] = info;
  } else if (kind == 8) {  // all with the same ending are removed
    const std::string name = chosen->first;
    const std::string ending = name.substr(name.size() - std::min<std::size_t>(name.size(), 9));
    std::erase_if(tensors, [&](const auto& entry) { return entry.first.ends_with(ending); });
  } else {  // a size changes everywhere
    const std::int64_t from = some_size(input), to = some_size(input);
    for (auto& [name, info] : tensors) std::replace(info.shape.begin(), info.shape.end(), from, to);
  }
}

// With the prefix of a wrapper.
TensorInfos wrapped(Input& input, const TensorInfos& tensors) {
  static const std::vector<std::string> wrappers = {"", "", "", "module.", "model.", "_orig_mod."};
  const std::string& wrapper = input.one_of(wrappers);
  TensorInfos result;
  for (const auto& [name, info] : tensors) result[wrapper + name] = info;
  return result;
}

ConvertHints some_hints(Input& input) {
  ConvertHints hints;
  hints.resize = "none";
  hints.mean = hints.std = {0.5f, 0.5f, 0.5f};
  const std::uint8_t bits = input.byte();
  if (bits & 1) hints.heads = static_cast<std::int8_t>(input.byte());
  if (bits & 2) hints.norm_eps = 1e-6f;
  if (bits & 4) {
    const auto side = [&] { return bits & 8 ? static_cast<int>(some_size(input)) : input.byte(); };
    hints.image_size = ImageSize{side(), side()};
  }
  if (bits & 16) hints.pooling = bits & 32 ? "average" : "class_token";
  if (bits & 64) hints.activation = "gelu";
  if (!(bits & 1) && !(bits & 128)) hints.heads = 3;
  return hints;
}

ConfigFacts some_config(Input& input) {
  ConfigFacts config;
  const std::uint8_t bits = input.byte();
  if (bits & 1) config.heads = {static_cast<std::int8_t>(input.byte()), "config"};
  if (bits & 2) config.norm_eps = {static_cast<float>(input.byte()) / 100.0f, "config"};
  if (bits & 4) config.image_size = {ImageSize{input.byte(), input.byte()}, "config"};
  if (bits & 8) config.pooling = {static_cast<Pooling>(input.byte() % 4), "config"};
  if (bits & 16) config.labels = {std::vector<std::string>(1 + input.byte() % 8), "config"};
  return config;
}

std::int64_t elements(const std::vector<std::int64_t>& shape) {
  std::int64_t product = 1;
  for (const auto size : shape) product *= size;
  return product;
}

// The preconditions of assemble().
void check_part(const Part& part, const TensorInfos& tensors) {
  require(part.rows > 0 && part.columns > 0 && part.first_row >= 0 && part.first_column >= 0);
  if (part.source.empty()) return;
  const TensorInfo& tensor = tensors.at(part.source);
  require(tensor.dtype.find('F') != std::string::npos);
  const std::int64_t length = part.stored_columns > 0 ? part.stored_columns : part.columns;
  const std::int64_t size = elements(tensor.shape);
  std::int64_t rows = part.rows;
  if (part.resample) {
    const Grid from = part.resample->from, to = part.resample->to;
    require(part.rows == std::int64_t{to.height} * to.width);
    rows = std::int64_t{from.height} * from.width;
  }
  require(size % length == 0 && part.first_row + rows <= size / length);
  require(part.first_column + part.columns <= length);
  if (part.layout == Part::Layout::hwio) {
    require(tensor.shape.size() == 4 && tensor.shape[3] == part.rows);
  }
}

void check_plan(const ConversionPlan& plan, const TensorInfos& tensors) {
  check_architecture(plan.architecture);
  check_preprocess(plan.preprocess);
  const auto specs = tensor_specs(plan.architecture);
  require(plan.recipes.size() == specs.size());
  require(plan.labels.empty() ||
          plan.labels.size() == static_cast<std::size_t>(plan.architecture.classes));
  for (const TensorSpec& spec : specs) {
    std::int64_t size = 0;
    for (const Part& part : plan.recipes.at(spec.name)) {
      check_part(part, tensors);
      size += part.rows * part.columns;
    }
    require(size == elements(spec.shape));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<TensorInfos> bases = make_bases();
  Input input(data, size);
  TensorInfos tensors = input.one_of(bases);
  const ConvertHints hints = some_hints(input);
  const ConfigFacts config = some_config(input);
  for (int steps = input.byte() % 8; steps > 0 && !input.empty(); --steps) change(input, tensors);
  tensors = wrapped(input, tensors);
  ConversionPlan plan;
  try {
    plan = plan_conversion(tensors, config, hints);
  } catch (const Error&) {
    return 0;
  }
  check_plan(plan, tensors);
  return 0;
}
