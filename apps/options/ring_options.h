#pragma once
// Flags of `classify` and `camera` about the ring and the compute device.

#include <string>

#include "apps/options/compute_options.h"
#include "apps/options/ring_request.h"

namespace CLI {
class App;
}

namespace quantring::apps {

struct RingOptions {
  RingRequest request;
  std::string policy, codec, head_codec;  // as given
  double bits = 0;
  int quality = 0, threads = 0;
  ComputeOptions compute;
};

// Adds --ring, --stages, those about links, and --device, --precision and --threads.
void add_ring_options(CLI::App& command, RingOptions& options);

// The complete request; prints on stderr where this process or its nodes compute. Throws Error
// naming the flag that is wrong, or that needs a ring.
RingRequest ring_request(const RingOptions& options);

}  // namespace quantring::apps
