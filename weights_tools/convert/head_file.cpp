#include "weights_tools/convert/head_file.h"

#include <fmt/format.h>

#include "ops/base/error.h"
#include "weights_tools/naming/head_search.h"

namespace quantring::weights {
namespace {

constexpr const char* weight_name = "head.weight";
constexpr const char* bias_name = "head.bias";

class WithHead : public Checkpoint {
 public:
  WithHead(std::unique_ptr<Checkpoint> features, std::unique_ptr<Checkpoint> head,
           const std::string& head_path)
      : features_(std::move(features)), head_(std::move(head)) {
    tensors_ = features_->tensors();
    const ViTNames vit = find_vit(tensors_);
    const std::string& prefix = vit.prefix;
    if (const std::string present = usual_head(vit); !present.empty())
      throw OptionError(
          fmt::format("--head {}: the checkpoint has a classifier already ('{}'); leave --head out",
                      head_path, present));
    for (const auto& [name, info] : head_->tensors()) {
      const bool weight = info.shape.size() == 2, bias = info.shape.size() == 1;
      if (!weight && !bias) refuse(head_path, name, "is neither a matrix nor a vector");
      const auto [place, added] =
          head_names_.emplace(prefix + (weight ? weight_name : bias_name), name);
      if (!added) refuse(head_path, name, "is in excess beside '" + place->second + "'");
      tensors_.emplace(place->first, info);
    }
    if (!head_names_.count(prefix + weight_name)) {
      throw Error(fmt::format("'{}' holds no matrix: --head takes the file of one linear layer",
                              head_path));
    }
  }

  std::string format() const override {
    return fmt::format("{}, head from a {} file", features_->format(), head_->format());
  }

  std::vector<float> read(const std::string& name) const override {
    const auto found = head_names_.find(name);
    return found == head_names_.end() ? features_->read(name) : head_->read(found->second);
  }

 private:
  [[noreturn]] static void refuse(const std::string& head_path, const std::string& name,
                                  const std::string& why) {
    throw Error(fmt::format(
        "'{}': tensor '{}' {}: --head takes the file of one linear layer, weight and bias",
        head_path, name, why));
  }

  std::unique_ptr<Checkpoint> features_, head_;
  std::map<std::string, std::string> head_names_;  // name here -> name in the head's file
};

}  // namespace

std::unique_ptr<Checkpoint> attach_head(std::unique_ptr<Checkpoint> features,
                                        OpenedCheckpoint head) {
  return std::make_unique<WithHead>(std::move(features), std::move(head.checkpoint),
                                    head.file.string());
}

}  // namespace quantring::weights
