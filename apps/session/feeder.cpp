#include "apps/session/feeder.h"

#include <utility>

namespace quantring::apps {

Feeder::Feeder(ImageSource& source, const ModelFile& model, int batch, Classifier& classifier,
               Progress& progress)
    : batches_(source, model, batch,
               [this, &progress](const std::string& line) {
                 progress.print(stderr, "error: " + line);
                 ++unreadable_;
               }),
      classifier_(classifier),
      thread_([this] { run(); }) {}

Feeder::~Feeder() {
  thread_.join();
}

std::vector<Feeder::Picture> Feeder::take() {
  const std::lock_guard lock(mutex_);
  auto pictures = std::move(submitted_.front());
  submitted_.pop_front();
  return pictures;
}

void Feeder::rethrow() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

double Feeder::seconds_since_first() const {
  const std::lock_guard lock(mutex_);
  if (first_submission_ == Clock::time_point()) return 0;
  return std::chrono::duration<double>(Clock::now() - first_submission_).count();
}

void Feeder::run() {
  try {
    PictureBatch batch;
    while (batches_.next(batch)) submit(batch);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  classifier_.close_input();
}

void Feeder::submit(PictureBatch& batch) {
  std::vector<Picture> pictures;
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    pictures.push_back({std::move(batch.names[i]), batch.labels[i]});
  }
  PixelBatch pixels{static_cast<std::uint32_t>(pictures.size()), std::move(batch.pixels)};
  {
    const std::lock_guard lock(mutex_);
    if (first_submission_ == Clock::time_point()) first_submission_ = Clock::now();
    submitted_.push_back(std::move(pictures));
  }
  classifier_.submit(std::move(pixels));
}

}  // namespace quantring::apps
