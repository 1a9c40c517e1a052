#include <fmt/format.h>

#include <filesystem>

#include "apps/session/model_impl.h"
#include "engine/stage/topk.h"
#include "ops/base/error.h"

namespace quantring {

const char* library_version() {
  return QUANTRING_VERSION;
}

Model::Model(const std::string& path) : impl_(std::make_shared<const Impl>(path)) {}

const std::string& Model::path() const {
  return impl_->file.path();
}

std::string Model::name() const {
  return std::filesystem::path(path()).stem().string();
}

const std::string& Model::hash() const {
  return impl_->file.hash();
}

int Model::classes() const {
  return impl_->file.architecture().classes;
}

const std::vector<std::string>& Model::labels() const {
  return impl_->file.labels();
}

int Model::channels() const {
  return impl_->file.preprocess().channels;
}

int Model::height() const {
  return impl_->file.preprocess().crop_height;
}

int Model::width() const {
  return impl_->file.preprocess().crop_width;
}

std::size_t Model::pixel_bytes() const {
  return impl_->file.preprocess().pixel_count();
}

std::vector<ScoredClass> Model::top(std::span<const float> logits, int k,
                                    Probability probability) const {
  if (logits.size() != static_cast<std::size_t>(classes())) {
    throw Error(fmt::format("{} logits for a model of {} classes", logits.size(), classes()));
  }
  std::vector<ScoredClass> result;
  const bool independent = probability == Probability::of_model
                               ? impl_->file.independent_classes()
                               : probability == Probability::sigmoid;
  for (const Prediction& each : top_k(logits, k, independent)) {
    ScoredClass scored{each.index, {}, each.probability};
    const auto index = static_cast<std::size_t>(each.index);
    if (index < labels().size()) scored.label = labels()[index];
    result.push_back(std::move(scored));
  }
  return result;
}

}  // namespace quantring
