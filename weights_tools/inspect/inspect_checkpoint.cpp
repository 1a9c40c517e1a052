#include "weights_tools/inspect/inspect_checkpoint.h"

#include <fmt/format.h>

#include "engine/model/safetensors.h"
#include "ops/base/json.h"
#include "weights_tools/base/printable.h"
#include "weights_tools/base/text_table.h"

namespace quantring::weights {
namespace {

struct Summary {
  std::uint64_t parameters = 0;
  std::map<std::string, std::size_t> dtypes;  // dtype -> number of tensors
};

Summary summarise(const TensorInfos& tensors) {
  Summary summary;
  for (const auto& [name, info] : tensors) {
    summary.parameters += info.elements();
    ++summary.dtypes[info.dtype];
  }
  return summary;
}

}  // namespace

std::string inspect_checkpoint_text(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint) {
  const Summary summary = summarise(checkpoint.tensors());
  std::string dtypes;
  for (const auto& [dtype, count] : summary.dtypes) {
    dtypes += fmt::format("{}{} {}", dtypes.empty() ? "" : ", ", count, dtype);
  }
  std::string text =
      text_table({{"file", path.string()},
                  {"format", checkpoint.format()},
                  {"tensors", fmt::format("{} ({})", checkpoint.tensors().size(), dtypes)},
                  {"parameters", fmt::format("{}", summary.parameters)}},
                 {Align::left});
  std::vector<std::vector<std::string>> rows = {{"tensor", "dtype", "shape"}};
  for (const auto& [name, info] : checkpoint.tensors()) {
    rows.push_back({name, info.dtype, shape_text(info.shape)});
  }
  return text + "\n" + text_table(rows, {Align::left}) +
         fmt::format("\nconvert it with: quantring-weights convert {} -o model.safetensors\n",
                     printable(path.string()));
}

std::string inspect_checkpoint_json(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint) {
  using nlohmann::ordered_json;
  const Summary summary = summarise(checkpoint.tensors());
  auto tensors = ordered_json::object();
  for (const auto& [name, info] : checkpoint.tensors()) {
    tensors[name] = {{"dtype", info.dtype}, {"shape", info.shape}};
  }
  const ordered_json value = {{"schema", "quantring.weights.checkpoint/1"},
                              {"kind", "checkpoint"},
                              {"file", path.string()},
                              {"format", checkpoint.format()},
                              {"parameters", summary.parameters},
                              {"dtypes", summary.dtypes},
                              {"tensors", std::move(tensors)}};
  return json_text(value, 2);
}

}  // namespace quantring::weights
