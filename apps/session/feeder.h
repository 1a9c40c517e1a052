#pragma once
// Reads pictures, preprocesses them and submits batches, on a thread of its own, so that decoding
// overlaps with the compute.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/session/classifier.h"
#include "apps/session/picture_batches.h"
#include "apps/commands/progress.h"
#include "engine/image/image_source.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

class Feeder {
 public:
  using Clock = std::chrono::steady_clock;
  struct Picture {
    std::string name;
    int label = -1;  // the true class, -1 if unknown
  };

  // Starts at once; everything given must outlive this object. A picture that cannot be read is
  // said through `progress` and counted.
  Feeder(ImageSource& source, const ModelFile& model, int batch, Classifier& classifier,
         Progress& progress);
  ~Feeder();  // waits for the thread: stop the classifier first when it may be blocked in submit
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  // The pictures of the next batch, in order of submission; call once a batch's logits are there.
  std::vector<Picture> take();

  // After the last result: throws what ended the reading early, if anything did.
  void rethrow();

  std::uint64_t unreadable() const { return unreadable_; }
  double seconds_since_first() const;  // since the first submission; 0 before it

 private:
  void run();
  void submit(PictureBatch& batch);

  PictureBatches batches_;
  Classifier& classifier_;
  std::atomic<std::uint64_t> unreadable_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::deque<std::vector<Picture>> submitted_;
  std::exception_ptr failure_;
  Clock::time_point first_submission_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace quantring::apps
