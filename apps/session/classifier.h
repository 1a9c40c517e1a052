#pragma once
// Pixels in, logits out: in this process, or through a ring.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apps/session/output_history.h"
#include "apps/session/stage_worker.h"
#include "engine/model/model_file.h"
#include "net/ring/ring_head.h"

namespace quantring::apps {

// A batch of preprocessed pictures, uint8 [images, channels, height, width].
struct PixelBatch {
  std::uint32_t images = 0;
  std::vector<std::byte> pixels;
};

// One thread submits, another takes the results, which come in the order of submission.
class Classifier {
 public:
  virtual ~Classifier() = default;
  virtual void submit(PixelBatch&& batch) = 0;  // blocks while there is no room
  virtual void close_input() = 0;               // nothing more comes
  // logits: [images, classes] of the next batch; false after the last. Throws Error.
  virtual bool next(std::vector<float>& logits) = 0;
  // So many come in a second, at most: links need not carry more. 0: as many as can be had.
  virtual void expect_rate(double images_per_s) = 0;
  virtual void stop() = 0;                        // blocked and later calls of submit throw Error
  virtual net::RingStats stats() const = 0;       // so far
  virtual net::RingStats finish() = 0;            // exact; after the last result
  virtual OutputHistories histories() const = 0;  // of the links between stages; so far
};

std::unique_ptr<Classifier> make_local_classifier(const ModelFile& model, int max_images,
                                                  const ContextOptions& compute);

// options: with stages' addresses; their work is filled in from ranges and link.
std::unique_ptr<Classifier> make_ring_classifier(const ModelFile& model, net::HeadOptions options,
                                                 const std::vector<StageRange>& ranges,
                                                 const ControllerOptions& link, int max_images);

}  // namespace quantring::apps
