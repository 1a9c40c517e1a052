#include "apps/session/frame_pipeline.h"

#include <fmt/format.h>

#include <utility>

#include "engine/image/preprocess.h"
#include "ops/base/error.h"

namespace quantring::apps {

Image frame_image(const Frame& frame, int channels) {
  return frame.file.empty() ? convert_channels(frame.image, channels)
                            : decode_image(frame.file, channels, frame.name);
}

FramePipeline::FramePipeline(FrameFeed& feed, const ModelFile& model, std::uint64_t limit, Say say)
    : feed_(feed), model_(model), limit_(limit), say_(std::move(say)), thread_([this] { run(); }) {}

FramePipeline::~FramePipeline() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  feed_.stop();
  thread_.join();
}

void FramePipeline::attach(Classifier& classifier, std::size_t most) {
  const std::lock_guard lock(mutex_);
  classifier_ = &classifier;
  most_ = most;
  sent_ = 0;
  told_over_ = false;
  changed_.notify_all();
}

void FramePipeline::detach() {
  std::unique_lock lock(mutex_);
  classifier_ = nullptr;
  changed_.wait(lock, [this] { return !submitting_; });
  sent_ = 0;
  if (feed_.live()) {
    lost_ += waiting_.size();
    waiting_.clear();
  }
}

Frame FramePipeline::take() {
  const std::lock_guard lock(mutex_);
  if (sent_ == 0) throw Error("an answer came that belongs to no frame");
  Frame frame = std::move(waiting_.front().frame);
  waiting_.pop_front();
  --sent_;
  changed_.notify_all();
  return frame;
}

bool FramePipeline::over() const {
  const std::lock_guard lock(mutex_);
  return input_over_ && waiting_.empty();
}

void FramePipeline::rethrow() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

std::uint64_t FramePipeline::unreadable() const {
  const std::lock_guard lock(mutex_);
  return unreadable_;
}

std::uint64_t FramePipeline::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::size_t FramePipeline::under_way() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void FramePipeline::run() {
  std::unique_lock lock(mutex_);
  while (step(lock)) {
  }
}

bool FramePipeline::step(std::unique_lock<std::mutex>& lock) {
  const auto to_send = [this] { return sent_ < waiting_.size(); };
  const auto to_read = [this] { return !input_over_ && waiting_.size() < most_; };
  const auto to_tell = [this] { return input_over_ && !told_over_; };
  changed_.wait(lock, [&] {
    return ending_ || (classifier_ != nullptr && (to_send() || to_read() || to_tell()));
  });
  if (ending_) return false;
  if (to_send()) {
    submit_next(lock);
  } else if (to_read()) {
    read_next(lock);
  } else {
    told_over_ = true;
    classifier_->close_input();
  }
  return true;
}

void FramePipeline::submit_next(std::unique_lock<std::mutex>& lock) {
  // A copy: should the ring break, another classifier is given the same.
  PixelBatch batch{1, waiting_[sent_++].pixels};
  Classifier& classifier = *classifier_;
  submitting_ = true;
  lock.unlock();
  try {
    classifier.submit(std::move(batch));
  } catch (const Error&) {
    // Whoever takes the results is told the same, and detaches.
  }
  lock.lock();
  submitting_ = false;
  changed_.notify_all();
}

void FramePipeline::read_next(std::unique_lock<std::mutex>& lock) {
  Waiting next;
  std::string bad;
  bool over = limit_ > 0 && read_ == limit_;
  std::exception_ptr failure;
  lock.unlock();
  try {
    over = over || !feed_.next(next.frame);
    if (!over) next.pixels = pixels_of(next.frame);
  } catch (const BadFrame& error) {
    bad = error.what();
  } catch (...) {
    failure = std::current_exception();
  }
  if (!bad.empty()) say_bad(bad);
  lock.lock();
  if (over || failure) {
    input_over_ = true;
    failure_ = failure;
  } else if (!bad.empty()) {
    ++unreadable_;
  } else {
    ++read_;
    // A live source's frame for a ring that broke meanwhile: by the time of the next it is old.
    if (classifier_ == nullptr && feed_.live()) {
      ++lost_;
    } else {
      waiting_.push_back(std::move(next));
    }
  }
  changed_.notify_all();
}

// A camera that gives nothing else would fill the log.
void FramePipeline::say_bad(const std::string& line) {
  const auto now = Frame::Clock::now();
  if (feed_.live() && now - said_ < std::chrono::seconds(10)) return;
  said_ = now;
  say_(line);
}

std::vector<std::byte> FramePipeline::pixels_of(const Frame& frame) const {
  const int classes = model_.architecture().classes;
  if (frame.label >= classes) {
    throw Error(fmt::format("{}: its label is class {}, but the model has classes 0 to {}",
                            frame.name, frame.label, classes - 1));
  }
  const PreprocessConfig& config = model_.preprocess();
  std::vector<std::byte> pixels(config.pixel_count());
  try {
    to_pixels(frame_image(frame, config.channels), config,
              {reinterpret_cast<std::uint8_t*>(pixels.data()), pixels.size()});
  } catch (const Error& error) {
    const std::string text = error.what();
    throw BadFrame(text.find(frame.name) == std::string::npos
                       ? fmt::format("{}: {}", frame.name, text)
                       : text);
  }
  return pixels;
}

}  // namespace quantring::apps
