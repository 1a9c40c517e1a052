#include "apps/session/pipeline.h"

#include <utility>

#include "ops/base/error.h"

namespace quantring {

Pipeline::Pipeline(PictureSource source, const ModelFile& model, ReplaySession& session,
                   PictureBatchOptions options, PictureBatches::Unreadable unreadable)
    : source_(std::move(source)),
      session_(session),
      log_(std::move(unreadable)),
      batches_(source_, model, options, [this](const std::string& line) { report(line); }),
      thread_([this] { run(); }) {}

Pipeline::~Pipeline() {
  session_.stop();
  source_.stop();
  thread_.join();
}

bool Pipeline::next(AnsweredBatch& answered) {
  auto answer = session_.next();
  const std::lock_guard lock(mutex_);
  if (!answer) {
    if (failure_) std::rethrow_exception(failure_);
    return false;
  }
  // Those before it were dropped with a lost ring.
  while (!submitted_.empty() && submitted_.front().id < answer->id) submitted_.pop_front();
  if (submitted_.empty() || submitted_.front().frames.size() != answer->images) {
    throw Error("an answer came that belongs to no picture");
  }
  answered.frames = std::move(submitted_.front().frames);
  answered.logits = std::move(answer->logits);
  submitted_.pop_front();
  return true;
}

double Pipeline::seconds_since_first() const {
  const std::lock_guard lock(mutex_);
  if (first_submission_ == Clock::time_point()) return 0;
  return std::chrono::duration<double>(Clock::now() - first_submission_).count();
}

void Pipeline::run() {
  try {
    PictureBatch batch;
    // Room first: a live frame that waits for it would grow old.
    while (session_.wait_for_room() && batches_.next(batch)) submit(batch);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  session_.close_input();
}

void Pipeline::submit(PictureBatch& batch) {
  PixelBatch pixels{static_cast<std::uint32_t>(batch.frames.size()), std::move(batch.pixels)};
  {
    const std::lock_guard lock(mutex_);
    if (first_submission_ == Clock::time_point()) first_submission_ = Clock::now();
    submitted_.push_back({next_id_++, std::move(batch.frames)});
  }
  try {
    session_.submit(std::move(pixels));
  } catch (const Error&) {
    // next() gets the same error; wait_for_room() ends the loop.
  }
}

void Pipeline::report(const std::string& line) {
  ++unreadable_;
  const auto now = Clock::now();
  // A camera that gives nothing else would fill the log.
  if (source_.live && now - last_report_ < std::chrono::seconds(10)) return;
  last_report_ = now;
  log_(line);
}

}  // namespace quantring
