#include "weights_tools/model/set_labels.h"

#include <fmt/format.h>

#include "ops/base/error.h"
#include "weights_tools/base/printable.h"
#include "weights_tools/model/copy_model.h"

namespace quantring::weights {

std::string labels_text(const ModelFile& model) {
  if (model.labels().empty()) {
    throw Error(fmt::format(
        "'{}' has no class names; attach them with `quantring-weights labels {} --set FILE`",
        model.path(), model.path()));
  }
  std::string text;
  for (std::size_t i = 0; i < model.labels().size(); ++i) {
    text += fmt::format("{}\t{}\n", i, printable(model.labels()[i]));
  }
  return text;
}

void set_labels(const std::filesystem::path& path, const std::vector<std::string>& labels) {
  const ModelFile model(path);
  const auto classes = static_cast<std::size_t>(model.architecture().classes);
  if (!labels.empty() && labels.size() != classes) {
    throw Error(fmt::format("{} class names for '{}', which has {} classes: give one per class",
                            labels.size(), model.path(), classes));
  }
  copy_model(model, model.part(), labels, path);
}

}  // namespace quantring::weights
