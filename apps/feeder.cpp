#include "apps/feeder.h"

#include <fmt/format.h>

#include "ops/error.h"

namespace quantring::apps {

Feeder::Feeder(ImageSource& source, const ModelFile& model, int batch, Classifier& classifier,
               Progress& progress)
    : source_(source),
      preprocess_(model.preprocess()),
      classes_(model.architecture().classes),
      batch_(static_cast<std::size_t>(batch)),
      classifier_(classifier),
      progress_(progress),
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
    SourceItem item;
    while (more(item)) add(item);
    flush();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  classifier_.close_input();
}

bool Feeder::more(SourceItem& item) {
  for (;;) {
    try {
      return source_.next(item);
    } catch (const Error& error) {
      refuse(error.what());
    }
  }
}

void Feeder::add(const SourceItem& item) {
  if (item.label >= classes_) {
    throw Error(fmt::format("{}: its label is class {}, but the model has classes 0 to {}",
                            item.name, item.label, classes_ - 1));
  }
  const std::size_t bytes = preprocess_.pixel_count();
  pixels_.resize((pictures_.size() + 1) * bytes);
  auto* const place = reinterpret_cast<std::uint8_t*>(pixels_.data()) + pictures_.size() * bytes;
  try {
    to_pixels(item.image, preprocess_, {place, bytes});
  } catch (const Error& error) {
    refuse(fmt::format("{}: {}", item.name, error.what()));
    return;
  }
  pictures_.push_back({item.name, item.label});
  if (pictures_.size() == batch_) flush();
}

void Feeder::flush() {
  if (pictures_.empty()) return;
  PixelBatch batch{static_cast<std::uint32_t>(pictures_.size()), std::move(pixels_)};
  batch.pixels.resize(pictures_.size() * preprocess_.pixel_count());
  {
    const std::lock_guard lock(mutex_);
    if (first_submission_ == Clock::time_point()) first_submission_ = Clock::now();
    submitted_.push_back(std::move(pictures_));
  }
  pictures_.clear();
  pixels_ = {};
  classifier_.submit(std::move(batch));
}

void Feeder::refuse(const std::string& text) {
  progress_.print(stderr, "error: " + text);
  ++unreadable_;
}

}  // namespace quantring::apps
