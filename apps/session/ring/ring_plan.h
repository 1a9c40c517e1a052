#pragma once
// What the head gives its ring to do: which blocks each node runs, and how links are coded.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/session/batch_session.h"
#include "apps/session/ring/link_choice.h"
#include "apps/session/ring/ring_config.h"
#include "engine/model/model_file.h"

namespace quantring {

struct RingPlan {
  RingConfig config;
  std::vector<StageRange> ranges;  // of the stages, in ring order
  ControllerOptions links;         // of every sender between stages
  std::string codec_hash, notice;  // apps/session/ring/link_plan.h
};

// links: wins over the ring file's, key by key. link_mbps: pace of every link; 0: the ring file's.
// Throws Error for settings that do not fit each other or the model.
RingPlan plan_ring(RingConfig config, const LinkChoice& links, double link_mbps,
                   const ModelFile& model);

// Connects to all stages and waits until they are ready. max_images: of a batch. waits: as
// net::HeadOptions::waits. Throws Error.
std::unique_ptr<BatchSession> connect_ring(const RingPlan& plan, const ModelFile& model,
                                           int max_images,
                                           std::function<void(const std::string&)> waits);

}  // namespace quantring
