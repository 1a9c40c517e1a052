#pragma once
// Frames on their way from a feed through a classifier: decoded, preprocessed and submitted on a
// thread of its own, kept until they are answered. The classifier may be exchanged for another,
// when a ring broke, without a file's frame being lost.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/session/classifier.h"
#include "engine/camera/frame_feed.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

// channels of Frame::image, or of what Frame::file is decoded to. Throws Error.
Image frame_image(const Frame& frame, int channels);

class FramePipeline {
 public:
  using Say = std::function<void(const std::string& line)>;

  // say: told of every frame that is no picture, of a live source's not more than one in ten
  // seconds; on a thread of the pipeline's. limit: frames at
  // most; 0: all.
  FramePipeline(FrameFeed& feed, const ModelFile& model, std::uint64_t limit, Say say);
  ~FramePipeline();  // detach first
  FramePipeline(const FramePipeline&) = delete;
  FramePipeline& operator=(const FramePipeline&) = delete;

  // Feeds this classifier from now on, with at most `most` frames under way: first those that the
  // last classifier did not answer. It must live until detach().
  void attach(Classifier& classifier, std::size_t most);
  // Of a classifier that was stopped: returns when it is no longer used. Frames under way of a live
  // source are given up, they are old; others wait for the next classifier.
  void detach();

  Frame take();          // the oldest under way, when its answer has come
  bool over() const;     // nothing under way and nothing to come
  void rethrow() const;  // what ended the reading early, if anything did
  std::uint64_t unreadable() const;
  std::uint64_t lost() const;  // given up
  std::size_t under_way() const;

 private:
  struct Waiting {
    Frame frame;
    std::vector<std::byte> pixels;
  };
  void run();
  bool step(std::unique_lock<std::mutex>& lock);
  void submit_next(std::unique_lock<std::mutex>& lock);
  void read_next(std::unique_lock<std::mutex>& lock);
  void say_bad(const std::string& line);
  std::vector<std::byte> pixels_of(const Frame& frame) const;

  FrameFeed& feed_;
  const ModelFile& model_;
  const std::uint64_t limit_;
  const Say say_;
  Frame::Clock::time_point said_{};  // of the thread alone

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Classifier* classifier_ = nullptr;
  std::size_t most_ = 0;
  std::deque<Waiting> waiting_;  // under way: the first `sent_` are with the classifier
  std::size_t sent_ = 0;
  bool submitting_ = false, input_over_ = false, told_over_ = false, ending_ = false;
  std::uint64_t read_ = 0, unreadable_ = 0, lost_ = 0;
  std::exception_ptr failure_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace quantring::apps
