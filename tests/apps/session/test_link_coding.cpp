// Codec and bits an element of a ring's links, from the workers' reports.
#include "apps/session/ring/watch/link_coding.h"

#include <doctest/doctest.h>

#include "apps/session/ring/watch/worker_stats.h"

namespace quantring {
namespace {

TEST_CASE("link coding: pixels from the head, then what each stage reports") {
  net::RingStats ring;
  ring.stages.resize(2);
  WorkerStats worker;
  worker.elements_per_image = 160;
  worker.has_output = true;
  worker.output.point = {CodecId::ptq, 4};
  ring.stages[0].app_json = worker_stats_to_json(worker);
  CHECK(link_coding(ring, 0).codec == CodecSpec{CodecId::pixels, 8});
  CHECK(link_coding(ring, 1).codec == CodecSpec{CodecId::ptq, 4});
  CHECK(link_coding(ring, 1).elements_per_image == 160);
  CHECK(link_coding(ring, 2).elements_per_image == 0);  // no report yet
}

TEST_CASE("link coding: what the head says of its own link") {
  net::RingStats ring;
  for (const CodecSpec codec :
       {CodecSpec{CodecId::pixels, 8}, {CodecId::packed_pixels, 8}, {CodecId::jpeg, 85}}) {
    ring.app_json = head_coding_json({codec, 150528});
    CHECK(link_coding(ring, 0).codec == codec);
    CHECK(link_coding(ring, 0).elements_per_image == 150528);
  }
}

TEST_CASE("link coding: bits an element") {
  net::LinkStats link;
  const LinkCoding coding{{CodecId::ptq, 4}, 160};
  CHECK(bits_per_element(link, coding) == 0);  // no frame yet
  link.images = 3;
  link.payload_bytes = 300;
  CHECK(bits_per_element(link, coding) == doctest::Approx(5));
  CHECK(bits_per_element(link, {{CodecId::pixels, 8}, 0}) == 8);
}

}  // namespace
}  // namespace quantring
