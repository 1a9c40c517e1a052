#include "apps/stage_worker.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/coded_message.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

// The right model, and enough of it for this order.
const ModelFile& check_model(const ModelFile& model, const WorkOrder& order) {
  if (model.hash() != order.model_hash) {
    throw Error(
        fmt::format("model '{}' has hash {}, the head's has {}: copy the head's model file here",
                    model.path(), model.hash().substr(0, 16), order.model_hash.substr(0, 16)));
  }
  const StageRange held = model.part();
  if (order.range.begin < held.begin || order.range.end > held.end) {
    throw Error(fmt::format(
        "'{}' holds only {} and is asked for {}: change the ring's blocks, or put a part here that "
        "was made with `quantring-weights shard MODEL --layers {}`",
        model.path(), range_text(held), range_text(order.range), part_text(order.range)));
  }
  return model;
}

}  // namespace

StageWorker::StageWorker(const std::string& model_path, const WorkOrder& order, int threads)
    : context_(threads),
      model_(model_path),
      stage_(context_, check_model(model_, order), order.range, order.max_images),
      output_(stage_.last() ? CodecSpec{CodecId::raw32, 32} : order.output) {}

void StageWorker::process(net::Message& in, net::Message& out) {
  CodedTensor coded_in = from_message(in);
  const std::uint32_t images = coded_in.shape.images;
  const ConstTensor result = forward(coded_in);
  const std::span<const float> values(result.f32(),
                                      static_cast<std::size_t>(result.shape.elements()));
  const auto per_image = values.size() / images;
  const auto dim = static_cast<std::uint32_t>(result.shape[result.shape.rank() - 1]);
  encode(values, {images, static_cast<std::uint32_t>(per_image / dim), dim}, output_, coded_);
  to_message(coded_, out);
}

ConstTensor StageWorker::forward(CodedTensor& in) {
  const Architecture& a = model_.architecture();
  if (in.shape.images < 1 || in.shape.images > static_cast<std::uint32_t>(stage_.max_images())) {
    throw Error(fmt::format("a frame holds {} images, the plan said at most {}", in.shape.images,
                            stage_.max_images()));
  }
  if (!stage_.first()) {
    const Tensor residual = stage_.residual(static_cast<int>(in.shape.images));
    decode(in, {residual.f32(), static_cast<std::size_t>(residual.shape.elements())});
    return stage_.forward_residual(static_cast<int>(in.shape.images));
  }
  const TensorShape expected{in.shape.images, static_cast<std::uint32_t>(a.channels),
                             static_cast<std::uint32_t>(a.image_height * a.image_width)};
  if (in.spec != CodecSpec{CodecId::pixels, 8} || in.shape != expected ||
      in.payload.size() != expected.elements()) {
    throw Error(fmt::format("stage 0 takes frames of {}x{}x{} pixels, this frame is something else",
                            a.channels, a.image_height, a.image_width));
  }
  return stage_.forward_pixels(
      {in.payload.data(), DType::u8, {in.shape.images, a.channels, a.image_height, a.image_width}});
}

std::string StageWorker::stats_json() {
  return nlohmann::json{{"range", range_text(stage_.range())},
                        {"resident_mb", static_cast<double>(resident_bytes()) / 1e6}}
      .dump();
}

std::vector<std::uint8_t> decodable_codecs() {
  std::vector<std::uint8_t> ids;
  for (const CodecId id : {CodecId::raw32, CodecId::raw16, CodecId::ptq, CodecId::pixels}) {
    ids.push_back(static_cast<std::uint8_t>(id));
  }
  return ids;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace quantring::apps
