#pragma once
// The ring that a person asks for, in flags and in a ring file, and how the head gets it to work.

#include <memory>
#include <string>
#include <vector>

#include "apps/session/classifier.h"
#include "apps/session/link_choice.h"
#include "apps/commands/local_nodes.h"
#include "apps/session/ring_config.h"
#include "engine/model/model_file.h"
#include "ops/context.h"

namespace quantring::apps {

struct RingRequest {
  std::string file;        // path of ring.toml; empty: none
  int stages = 0;          // local node processes to start; 0: none
  LinkChoice links;        // coding of the links between stages
  double link_mbps = 0;    // pace of every link; 0: the ring file's, or none
  ContextOptions compute;  // of this process without a ring, or of each local node

  bool wanted() const { return !file.empty() || stages > 0; }
};

// Everything about the ring, from the flags and the ring file.
struct RingPlan {
  RingConfig config;
  std::vector<StageRange> ranges;
  ControllerOptions links;
};

// Processes that compute here share the cores: threads of each.
int shared_threads(int processes);

// The ring file, or without one an empty config.
RingConfig read_config(const RingRequest& request);

// The model that the flags or the ring file name. Throws Error when neither does.
std::string model_path(const std::string& flag, const RingConfig& config);

// Here, and in nodes that this process starts, all blocks are needed; the head of a ring of others
// needs only what every part says of the whole. Throws Error.
void require_whole(const ModelFile& model, const RingRequest& request);

// Throws Error for flags and a file that do not fit each other or the model.
RingPlan plan_ring(const RingRequest& request, RingConfig config, const ModelFile& model);

// Starts the nodes that the request wants here and writes their addresses into the plan; nothing
// when it wants none.
std::unique_ptr<LocalNodes> start_nodes(const RingRequest& request, const ModelFile& model,
                                        RingPlan& plan);

// Connects to all stages and waits until they are ready. max_images: of a frame. Throws Error.
std::unique_ptr<Classifier> connect(const RingPlan& plan, const ModelFile& model, int max_images);

}  // namespace quantring::apps
