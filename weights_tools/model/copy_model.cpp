#include "weights_tools/model/copy_model.h"

namespace quantring::weights {

std::uint64_t copy_model(const ModelFile& model, StageRange part,
                         const std::vector<std::string>& labels,
                         const std::filesystem::path& output) {
  SafetensorsWriter writer(output);
  const auto specs = tensor_specs(model.architecture(), part);
  for (const TensorSpec& spec : specs) {
    writer.declare(spec.name, model.tensors().at(spec.name).dtype, spec.shape);
  }
  writer.begin(model.copied_metadata(labels, part));
  std::uint64_t bytes = 0;
  for (const TensorSpec& spec : specs) {
    const auto data = model.bytes(spec.name);
    writer.write(data);
    bytes += data.size();
  }
  writer.commit();
  return bytes;
}

}  // namespace quantring::weights
