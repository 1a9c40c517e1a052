#pragma once
// The way of a picture, of `classify` and of `camera`: source -> decode -> preprocess -> session ->
// answer. A thread of its own reads, decodes and submits, so that this overlaps with the compute.
//
// Of a live source the newest frame is read once the session has room; of files every picture is.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/session/picture_batches.h"
#include "apps/session/replay_session.h"

namespace quantring {

// The answers of one batch, in the order of the source.
struct AnsweredBatch {
  std::vector<Frame> frames;
  std::vector<float> logits;  // [frames, classes]
};

class Pipeline {
 public:
  // unreadable: gets a line for each picture that cannot be read, on the pipeline's thread; of a
  // live source at most one in ten seconds. The source, the model and the session must outlive
  // this object.
  Pipeline(PictureSource source, const ModelFile& model, ReplaySession& session,
           PictureBatchOptions options, PictureBatches::Unreadable unreadable);
  ~Pipeline();  // stops source and session
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Blocks for the next answers. False after the last. Throws Error when the session failed, or
  // the source or a label ended the reading early.
  bool next(AnsweredBatch& answered);

  std::uint64_t unreadable() const { return unreadable_; }
  double seconds_since_first() const;  // since the first submission; 0 before it

 private:
  using Clock = std::chrono::steady_clock;
  struct Submitted {
    std::uint64_t id;
    std::vector<Frame> frames;
  };

  void run();
  void submit(PictureBatch& batch);
  void report(const std::string& line);

  PictureSource source_;
  ReplaySession& session_;
  PictureBatches::Unreadable log_;
  PictureBatches batches_;
  Clock::time_point last_report_{};  // of the thread alone
  std::uint64_t next_id_ = 0;        // of the thread alone
  std::atomic<std::uint64_t> unreadable_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::deque<Submitted> submitted_;
  std::exception_ptr failure_;
  Clock::time_point first_submission_{};

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace quantring
