// A ring of nodes as a session: this process is its head.

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "apps/session/batch_session.h"
#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/ring_watch.h"
#include "apps/session/ring/work_order.h"
#include "engine/control/pixel_points.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

class RingSession final : public BatchSession {
 public:
  RingSession(const ModelFile& model, net::HeadOptions options, const ControllerOptions& links)
      : architecture_(model.architecture()),
        packer_(architecture_, links.pixels, links.policy == Policy::ladder),
        head_(std::move(options)),
        watch_(head_, packer_,
               {links,
                {1, static_cast<std::uint32_t>(architecture_.tokens()),
                 static_cast<std::uint32_t>(architecture_.dim)}}),
        pixels_(model.preprocess().pixel_count()) {}

  void submit(PixelBatch&& batch) override {
    const std::uint32_t images = batch.images;
    net::Message message;
    message.images = images;
    head_.wait_for_room();
    message.payload = packer_.code(batch.pixels, images, [this] { return head_.sending(); });
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
      if (submitted_.empty()) throw Error("the last stage sent a result that was not asked for");
      images = submitted_.front();
      submitted_.pop_front();
    }
    if (message->images != images) {
      throw Error(fmt::format("the last stage sent results for {} images, expected {}",
                              message->images, images));
    }
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

  void stop() noexcept override { head_.stop(); }
  void expect_rate(double images_per_s) override { watch_.expect_rate(images_per_s); }
  net::RingStats stats() const override { return with_head(head_.stats()); }
  net::RingStats finish() override {
    net::RingStats exact = with_head(head_.finish());
    const std::lock_guard lock(mutex_);
    return exact_ = std::move(exact);
  }
  OutputHistories histories() const override {
    const std::lock_guard lock(mutex_);
    return watch_.histories(exact_.stages.empty() ? head_.stats() : exact_);
  }
  RingLimit limit() const override { return watch_.limit(); }

 private:
  net::RingStats with_head(net::RingStats stats) const {
    stats.app_json = head_coding_json({packer_.sent(), pixels_});
    const LinkCapacity known = watch_.input_capacity();
    if (stats.input.capacity != net::Capacity::measured && known.bps > 0) {
      stats.input.capacity = known.kind;
      stats.input.capacity_bps = known.bps;
    }
    return stats;
  }

  Architecture architecture_;
  mutable std::mutex mutex_;
  std::deque<std::uint32_t> submitted_;  // images of each batch that has no result yet
  net::RingStats exact_;                 // after finish()
  PixelPacker packer_;                   // of the thread that submits
  net::RingHead head_;
  RingWatch watch_;
  const std::uint64_t pixels_;  // of an image
};

}  // namespace

std::unique_ptr<BatchSession> make_ring_session(const ModelFile& model, net::HeadOptions options,
                                                const std::vector<StageRange>& ranges,
                                                const ControllerOptions& links, int max_images,
                                                const std::string& codec_hash) {
  ControllerOptions link = links;
  if (links.policy == Policy::ladder && ranges.size() > 1) {
    const double head = links.pixels ? pixel_point(*links.pixels).agreement : 100;
    const double left = head > 0 ? std::min(100 * links.floor / head, 100.0) : 100;
    link.floor = equal_floor(left, ranges.size() - 1, links.ladder);
  }
  // The head tells how much of the target the ring can carry.
  if (links.policy == Policy::ladder) link.target_rate = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    options.stages.at(i).work = work_order_to_json(
        {model.hash(), ranges[i], max_images, link, static_cast<int>(i), codec_hash});
  }
  return std::make_unique<RingSession>(model, std::move(options), links);
}

}  // namespace quantring
