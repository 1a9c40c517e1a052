#include "apps/session/ring/watch/link_coding.h"

#include "apps/session/ring/watch/worker_stats.h"

namespace quantring {

LinkCoding link_coding(const net::RingStats& ring, std::size_t link) {
  if (link == 0) return {{CodecId::pixels, 8}, 0};
  const WorkerStats worker = worker_stats_from_json(ring.stages.at(link - 1).app_json);
  return {worker.output.point, worker.elements_per_image};
}

double bits_per_element(const net::LinkStats& link, const LinkCoding& coding) {
  if (link.images == 0) return 0;
  if (coding.elements_per_image == 0) return coding.codec.bits;
  return 8.0 * static_cast<double>(link.payload_bytes) /
         (static_cast<double>(link.images) * static_cast<double>(coding.elements_per_image));
}

}  // namespace quantring
