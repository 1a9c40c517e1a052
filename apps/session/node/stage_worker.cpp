#include "apps/session/node/stage_worker.h"

#include <fmt/format.h>

#include "engine/codec/codec_file.h"
#include "engine/stage/synthetic_input.h"
#include "ops/base/error.h"
#include "ops/base/process_memory.h"

namespace quantring {
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

CoderTables StageWorker::load_tables(const WorkOrder& order) {
  if (order.codec_hash.empty()) return {};
  const std::filesystem::path path = codec_file_path(model_.path());
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw Error(
        fmt::format("there is no '{}', and links are coded with klt: copy the head's codec file "
                    "(MODEL.codec.safetensors) there",
                    path.string()));
  }
  const CodecFile file(path);
  if (file.hash() != order.codec_hash) {
    throw Error(
        fmt::format("codec file '{}' has hash {}, the head's has {}: copy the head's codec file "
                    "here",
                    file.path(), file.hash().substr(0, 16), order.codec_hash.substr(0, 16)));
  }
  CoderTables tables;
  if (order.range.end < model_.architecture().half_blocks())
    tables.sent = &sent_.emplace(file.tables(order.range.end));
  if (order.range.begin > 0) tables.received = &received_.emplace(file.tables(order.range.begin));
  return tables;
}

StageWorker::StageWorker(const std::string& model_path, const WorkOrder& order,
                         const ContextOptions& compute, AdaptiveOutput::Log log)
    : device_(fmt::format("{} {}", device_text(compute.device), precision_text(compute.precision))),
      context_(compute),
      model_(model_path),
      runner_(
          context_, check_model(model_, order), order.range, order.max_images,
          [this](std::uint32_t images) { return output_ ? output_->choose(images) : CodecSpec{}; },
          load_tables(order)) {
  const Architecture& a = model_.architecture();
  warm_up(runner_, a);
  if (runner_.stage().last()) return;
  output_.emplace(order.link, order.stage, static_cast<std::uint32_t>(a.tokens()),
                  static_cast<std::uint32_t>(a.dim), std::move(log));
}

void StageWorker::submit(net::Message& in) {
  runner_.submit(in.payload, in.images);
}

void StageWorker::collect(net::Message& out) {
  const TensorShape shape = runner_.collect(out.payload);
  out.images = shape.images;
  elements_per_image_ = shape.elements_per_image();
}

void StageWorker::instructed(const std::string& json) {
  if (output_) output_->instructed(json);
}

void StageWorker::observe_output(const net::LinkStats& link) {
  if (output_) output_->observe(link);
}

std::string StageWorker::stats_json() {
  WorkerStats stats;
  stats.range = range_text(runner_.stage().range());
  stats.device = device_;
  stats.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
  stats.elements_per_image = elements_per_image_;
  stats.has_output = output_.has_value();
  if (output_) stats.output = output_->state();
  return worker_stats_to_json(stats);
}

}  // namespace quantring
