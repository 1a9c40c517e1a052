#pragma once
// The ring that flags and a ring file request.

#include <memory>
#include <string>

#include "apps/options/local_nodes.h"
#include "apps/session/replay_session.h"
#include "apps/session/ring/link_choice.h"
#include "apps/session/ring/ring_plan.h"
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

// CPU threads of each process where several compute on this machine.
int shared_threads(int processes);

// The ring file, or without one an empty config.
RingConfig read_config(const RingRequest& request);

// The model that the flags or the ring file name. Throws Error when neither does.
std::string model_path(const std::string& flag, const RingConfig& config);

// This process and the nodes that it starts need all blocks; the head of a ring of other nodes
// needs only what every part contains. Throws Error.
void require_whole(const ModelFile& model, const RingRequest& request);

// What a request makes of its machines: how to connect, and the node processes started here.
struct RingSetup {
  RingPlan plan;  // without a ring: empty
  std::unique_ptr<LocalNodes> nodes;
  ReplaySession::Connect connect;  // uses plan, and the model, which must outlive it

  // Starts the local nodes. max_images: of a batch. Throws Error for flags and a ring file that do
  // not fit each other or the model.
  RingSetup(const RingRequest& request, RingConfig config, const ModelFile& model, int max_images);
  RingSetup(const RingSetup&) = delete;
  RingSetup& operator=(const RingSetup&) = delete;
};

}  // namespace quantring::apps
