#include "apps/session/classifier.h"

#include <fmt/format.h>

#include "apps/session/coded_message.h"
#include "apps/session/ring_watch.h"
#include "apps/session/stage_input.h"
#include "engine/stage/stage_runner.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

// The whole model as one stage, computed on the thread that takes the results.
class LocalClassifier : public Classifier {
 public:
  LocalClassifier(const ModelFile& model, int max_images, const ContextOptions& compute)
      : architecture_(model.architecture()),
        context_(compute),
        runner_(context_, model, {0, architecture_.half_blocks()}, max_images) {
    warm_up(runner_, architecture_);
  }

  void submit(PixelBatch&& batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || waiting_.size() < room; });
    if (stopped_) throw Error("the run was stopped");
    waiting_.push_back(std::move(batch));
    changed_.notify_all();
  }

  void close_input() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  bool next(std::vector<float>& logits) override {
    // What is there goes to the device before the oldest result is waited for.
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

  void stop() override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  void expect_rate(double) override {}
  net::RingStats stats() const override { return {}; }
  net::RingStats finish() override { return {}; }
  OutputHistories histories() const override { return {}; }

 private:
  static constexpr std::size_t room = 2;  // batches ahead of the compute

  // False: none now; if it may wait, no more.
  bool take(PixelBatch& batch, bool may_wait) {
    std::unique_lock lock(mutex_);
    if (may_wait) changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return false;
    batch = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return true;
  }

  Architecture architecture_;
  Context context_;
  StageRunner runner_;
  std::vector<std::byte> result_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PixelBatch> waiting_;
  bool closed_ = false, stopped_ = false;
};

class RingClassifier : public Classifier {
 public:
  RingClassifier(const ModelFile& model, net::HeadOptions options, bool tell_compute_rate)
      : architecture_(model.architecture()),
        head_(std::move(options)),
        watch_(head_, tell_compute_rate) {}

  void submit(PixelBatch&& batch) override {
    const std::uint32_t images = batch.images;
    const Architecture& a = architecture_;
    net::Message message;
    message.payload = coded_pixels(batch.pixels);
    describe_payload(message, {images, static_cast<std::uint32_t>(a.channels),
                               static_cast<std::uint32_t>(a.image_height * a.image_width)});
    {
      const std::lock_guard lock(mutex_);
      submitted_.push_back(images);
    }
    head_.submit(std::move(message));
  }

  void close_input() override { head_.close_input(); }

  bool next(std::vector<float>& logits) override {
    auto message = head_.next_result();
    if (!message) return false;
    std::uint32_t images = 0;
    {
      const std::lock_guard lock(mutex_);
      if (submitted_.empty()) throw Error("the last stage sent a result that nobody asked for");
      images = submitted_.front();
      submitted_.pop_front();
    }
    if (message->images != images)
      throw Error(fmt::format("the last stage sent results for {} images, expected {}",
                              message->images, images));
    const TensorShape shape{images, 1, static_cast<std::uint32_t>(architecture_.classes)};
    logits.resize(shape.elements());
    try {
      decode(message->payload, shape, logits);
    } catch (const Error& error) {
      throw Error(fmt::format("the last stage sent no logits of {} images of {} classes: {}",
                              images, architecture_.classes, error.what()));
    }
    return true;
  }

  void expect_rate(double images_per_s) override { watch_.expect_rate(images_per_s); }
  void stop() override { head_.stop(); }
  net::RingStats stats() const override { return head_.stats(); }
  net::RingStats finish() override {
    net::RingStats exact = head_.finish();
    const std::lock_guard lock(mutex_);
    return exact_ = std::move(exact);
  }
  OutputHistories histories() const override {
    const std::lock_guard lock(mutex_);
    return watch_.histories(exact_.stages.empty() ? head_.stats() : exact_);
  }

 private:
  Architecture architecture_;
  mutable std::mutex mutex_;
  std::deque<std::uint32_t> submitted_;  // images of each batch under way
  net::RingStats exact_;                 // once it has finished
  net::RingHead head_;
  RingWatch watch_;
};

}  // namespace

std::unique_ptr<Classifier> make_local_classifier(const ModelFile& model, int max_images,
                                                  const ContextOptions& compute) {
  return std::make_unique<LocalClassifier>(model, max_images, compute);
}

std::unique_ptr<Classifier> make_ring_classifier(const ModelFile& model, net::HeadOptions options,
                                                 const std::vector<StageRange>& ranges,
                                                 const ControllerOptions& link, int max_images) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    options.stages.at(i).work = work_order_to_json({model.hash(), ranges[i], max_images, link});
  }
  options.codecs = decodable_codecs();
  const bool automatic_target = link.policy != Policy::fixed && link.target_rate == 0;
  return std::make_unique<RingClassifier>(model, std::move(options), automatic_target);
}

}  // namespace quantring::apps
