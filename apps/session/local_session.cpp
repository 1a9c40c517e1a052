// The whole model as one stage in this process.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "apps/session/batch_session.h"
#include "engine/stage/stage_runner.h"
#include "engine/stage/synthetic_input.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

class LocalSession final : public BatchSession {
 public:
  LocalSession(const ModelFile& model, int max_images, const ContextOptions& compute)
      : architecture_(model.architecture()),
        context_(compute),
        runner_(context_, model, {0, architecture_.half_blocks()}, max_images) {
    warm_up(runner_, architecture_);
  }

  void submit(PixelBatch&& batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || waiting_.size() < max_waiting; });
    check_stopped();
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
  }

  void close_input() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  bool next(std::vector<float>& logits) override {
    // The device gets all that it takes before the oldest result is waited for.
    PixelBatch batch;
    while (runner_.pending() < runner_.depth() && take(batch, runner_.pending() == 0)) {
      runner_.submit(coded_pixels(batch.pixels), batch.images);
    }
    if (runner_.pending() == 0) return false;
    const TensorShape shape = runner_.collect(result_);
    logits.resize(shape.elements());
    decode(result_, shape, logits);
    return true;
  }

  void stop() noexcept override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  void expect_rate(double) override {}
  net::RingStats stats() const override { return {}; }
  net::RingStats finish() override { return {}; }
  OutputHistories histories() const override { return {}; }
  RingLimit limit() const override { return {}; }

 private:
  static constexpr std::size_t max_waiting = 2;

  // False when none is there: with may_wait, after the last.
  bool take(PixelBatch& batch, bool may_wait) {
    std::unique_lock lock(mutex_);
    if (may_wait) changed_.wait(lock, [&] { return stopped_ || closed_ || !waiting_.empty(); });
    check_stopped();
    if (waiting_.empty()) return false;
    batch = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return true;
  }

  void check_stopped() const {
    if (stopped_) throw Error("the session was stopped");
  }

  Architecture architecture_;
  Context context_;
  StageRunner runner_;
  std::vector<std::byte> result_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<PixelBatch> waiting_;
  bool closed_ = false, stopped_ = false;
};

}  // namespace

std::unique_ptr<BatchSession> make_local_session(const ModelFile& model, int max_images,
                                                 const ContextOptions& compute) {
  return std::make_unique<LocalSession>(model, max_images, compute);
}

}  // namespace quantring
