#pragma once
// ring.toml: which nodes make up the ring, and how their links are coded.
//
//   model = "model.safetensors"        # the head's copy; optional, --model says it too. Relative:
//                                      # beside this file, or else in the current folder
//   [head]
//   listen = "0.0.0.0:7700"            # where the last stage connects back; optional
//   advertise = "10.0.0.1"             # the head's address as the last stage sees it; optional
//   [link]
//   policy = "ladder"                  # optional: ladder, quantpipe or fixed; ladder, but fixed
//                                      # where only a codec is given
//   codec = "ptq"                      # optional: where the policy starts; for fixed: all there is
//   bits = 8                           # of klt, on average: 3, 2, 1.5, 1, 0.75 or 0.5
//   target = 60                        # optional, images/s; default: the ring's slowest part's
//   floor = 90                         # optional, ladder: min. agreement with raw32, percent
//   ladder = "ladder.json"             # optional: operating points (engine/control/ladder.h);
//                                      # default: of the codec file beside the model, or built in
//   mbps = 50                          # optional: pace every link
//   head_codec = "jpeg"                # optional, of the head's pixels: pixels, pixels-lossless or
//                                      # jpeg; default: as the link needs
//   quality = 85                       # of jpeg
//   [[stage]]
//   address = "10.0.0.11:7710"
//   blocks = "0-6"                     # optional, for all stages or none; 2.5 = after block 2's
//   attention

#include <optional>
#include <string>
#include <vector>

#include "apps/session/ring/link_choice.h"
#include "engine/model/architecture.h"

namespace quantring {

// Pace of a link, Mbit/s. A slower one would delay heartbeats too much.
inline constexpr double min_link_mbps = 0.05, max_link_mbps = 100000;

struct RingConfig {
  struct Stage {
    std::string address;
    std::optional<StageRange> range;
  };
  std::string file;    // its path; empty: made from flags
  std::string model;   // path, or what the file says where there is nothing beside it
  std::string listen;  // empty: a free port, of the kind of address by which stage 0 is reached
  std::string advertise;
  LinkChoice links;
  double link_mbps = 0;
  std::vector<Stage> stages;
};

RingConfig read_ring_config(const std::string& path);  // throws Error naming file, line and key

// Ranges of all stages: those of the config, or an even split. Throws Error if they do not cover
// the model exactly, in order.
std::vector<StageRange> stage_ranges(const RingConfig& config, const Architecture& architecture);

}  // namespace quantring
