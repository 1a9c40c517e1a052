#include "apps/session/ring/watch/link_coding.h"

#include "apps/session/ring/json_fields.h"
#include "apps/session/ring/watch/worker_stats.h"
#include "engine/control/pixel_points.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

LinkCoding head_coding(const std::string& text) {
  LinkCoding coding{{CodecId::pixels, 8}, 0};
  const auto value = try_parse_json(text);
  if (!value.is_object()) return coding;
  const auto quality = static_cast<int>(count_field(value, "quality"));
  coding.codec = parse_pixel_codec(text_field(value, "codec"), quality);
  coding.elements_per_image = count_field(value, "elements");
  return coding;
}

}  // namespace

std::string head_coding_json(const LinkCoding& coding) {
  const bool jpeg = coding.codec.id == CodecId::jpeg;
  const nlohmann::ordered_json value = {{"codec", codec_name(coding.codec.id)},
                                        {"quality", jpeg ? coding.codec.bits : 0},
                                        {"elements", coding.elements_per_image}};
  return json_text(value);
}

LinkCoding link_coding(const net::RingStats& ring, std::size_t link) {
  if (link == 0) return head_coding(ring.app_json);
  const WorkerStats worker = worker_stats_from_json(ring.stages.at(link - 1).app_json);
  return {worker.output.point, worker.elements_per_image};
}

double bits_per_element(const net::LinkStats& link, const LinkCoding& coding) {
  if (link.images == 0) return 0;
  if (coding.elements_per_image == 0) return width_bits(coding.codec);
  return 8.0 * static_cast<double>(link.payload_bytes) /
         (static_cast<double>(link.images) * static_cast<double>(coding.elements_per_image));
}

}  // namespace quantring
