#pragma once
// Batches of pixels in, logits out: what a local session and a ring have in common.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "apps/session/ring/watch/link_targets.h"
#include "apps/session/ring/watch/output_history.h"
#include "engine/control/controller.h"
#include "engine/model/model_file.h"
#include "net/ring/ring_head.h"
#include "ops/context.h"

namespace quantring {

// Preprocessed pictures, uint8 [images, channels, height, width].
struct PixelBatch {
  std::uint32_t images = 0;
  std::vector<std::byte> pixels;
};

// One thread submits, another takes the results, which come in order of submission. Everything
// throws Error when the session failed, and after stop().
class BatchSession {
 public:
  virtual ~BatchSession() = default;
  virtual void submit(PixelBatch&& batch) = 0;  // blocks while there is no room
  virtual void close_input() = 0;               // nothing more will be submitted
  // logits: [images, classes] of the next batch. False after the last.
  virtual bool next(std::vector<float>& logits) = 0;
  virtual void stop() noexcept = 0;  // blocked and later calls throw; from any thread

  // Images a second that arrive at most: no link needs to carry more. 0: no limit.
  virtual void expect_rate(double images_per_s) = 0;
  virtual net::RingStats stats() const = 0;       // so far; empty without a ring
  virtual net::RingStats finish() = 0;            // exact; after the last result
  virtual OutputHistories histories() const = 0;  // of the links between stages, so far
  virtual RingLimit limit() const = 0;            // what holds the ring up now
};

// The whole model in this process, computed on the thread that calls next(). Throws Error.
std::unique_ptr<BatchSession> make_local_session(const ModelFile& model, int max_images,
                                                 const ContextOptions& compute);

// Connects to the ring and waits until every stage is ready. options: with the stages' addresses;
// their work is filled in from ranges and links, whose floor is the ring's. codec_hash: of
// LinkPlan. Throws Error.
std::unique_ptr<BatchSession> make_ring_session(const ModelFile& model, net::HeadOptions options,
                                                const std::vector<StageRange>& ranges,
                                                const ControllerOptions& links, int max_images,
                                                const std::string& codec_hash = {});

}  // namespace quantring
