#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include "apps/session/compute.h"
#include "apps/session/model_impl.h"
#include "apps/session/replay_session.h"
#include "apps/session/ring/ring_plan.h"
#include "apps/session/ring/work_order.h"
#include "apps/session/session_report.h"
#include "engine/image/image.h"
#include "engine/image/preprocess.h"
#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Clock = std::chrono::steady_clock;

int checked_batch(int max_batch) {
  if (max_batch < 1 || max_batch > max_batch_images) {
    throw Error(fmt::format("max_batch is {}: use 1 to {}", max_batch, max_batch_images));
  }
  return max_batch;
}

ContextOptions checked_compute(const ComputeOptions& compute) {
  if (compute.threads < 0 || compute.threads > 1024) {
    throw Error(fmt::format("{} threads: use 1 to 1024, or 0 for all cores", compute.threads));
  }
  const int threads = compute.threads > 0 ? compute.threads : hardware_threads();
  return choose_compute(compute.device, compute.precision, threads).options;
}

RingConfig ring_config(const RingOptions& options) {
  if (!options.file.empty()) {
    if (!options.stages.empty()) throw Error("a ring has a file or a list of stages, not both");
    return read_ring_config(options.file);
  }
  if (options.stages.empty()) throw Error("a ring needs a file, or the addresses of its stages");
  RingConfig config;
  for (const std::string& address : options.stages) {
    net::parse_address(address);
    config.stages.push_back({address, std::nullopt});
  }
  return config;
}

double checked(const char* name, double value, double min, double max) {
  if (!(value >= min && value <= max)) {
    throw Error(fmt::format("{} is {}: use {} to {}", name, value, min, max));
  }
  return value;
}

// "ptq" and its bits, or both in one as reports show them: "klt 1.5".
CodecSpec named_codec(const std::string& codec, int bits) {
  const std::size_t space = codec.find(' ');
  if (space == std::string::npos) return parse_codec(codec, bits);
  double width = 0;
  const char *const begin = codec.data() + space + 1, *const end = codec.data() + codec.size();
  const auto [read, error] = std::from_chars(begin, end, width);
  if (bits != 0 || error != std::errc() || read != end) {
    throw Error(
        fmt::format("codec '{}' with bits {}: use a name and bits, or both in one as in "
                    "\"klt 1.5\"",
                    codec, bits));
  }
  return parse_codec(codec.substr(0, space), width);
}

LinkChoice link_choice(const RingOptions& options) {
  LinkChoice links;
  if (!options.policy.empty()) links.policy = parse_policy(options.policy);
  if (!options.codec.empty()) links.codec = named_codec(options.codec, options.bits);
  if (options.codec.empty() && options.bits != 0) throw Error("bits are given without a codec");
  if (options.target_images_per_s != 0) {
    links.target_rate = checked("target_images_per_s", options.target_images_per_s, min_target_rate,
                                max_target_rate);
  }
  if (options.min_agreement < 0) links.floor = 0;
  if (options.min_agreement != 0 && !links.floor) {
    links.floor = checked("min_agreement", options.min_agreement, 0, 100);
  }
  if (!options.ladder.empty()) links.ladder = options.ladder;
  return links;
}

}  // namespace

struct Session::Impl {
  Impl(Model session_model, int max_images, std::vector<StageRange> stage_ranges,
       ReplaySession::Connect connect, ReplayOptions options)
      : model(std::move(session_model)),
        max_batch(max_images),
        ranges(std::move(stage_ranges)),
        session(std::move(connect), std::move(options)) {}

  // Under mutex.
  std::uint64_t submit(PixelBatch&& batch) {
    const std::uint32_t images = batch.images;
    if (first_submission.load() == Clock::time_point()) first_submission = Clock::now();
    session.submit(std::move(batch));
    const std::uint64_t id = next_id;
    next_id += images;
    submitted += images;
    return id;
  }

  std::uint64_t submit_image(const Image& image) {
    const PreprocessConfig& config = model.impl_->file.preprocess();
    PixelBatch batch{1, std::vector<std::byte>(config.pixel_count())};
    to_pixels(image, config,
              {reinterpret_cast<std::uint8_t*>(batch.pixels.data()), batch.pixels.size()});
    const std::lock_guard lock(submit_mutex);
    return submit(std::move(batch));
  }

  std::optional<Answer> take(bool wait) {
    std::unique_lock lock(answer_mutex, std::defer_lock);
    if (wait) {
      lock.lock();
    } else if (!lock.try_lock()) {
      return std::nullopt;  // another thread waits for the next one
    }
    if (answers.empty()) {
      auto batch = wait ? session.next() : session.try_next();
      if (!batch) return std::nullopt;
      const std::size_t classes = batch->logits.size() / batch->images;
      for (std::uint32_t i = 0; i < batch->images; ++i) {
        const auto first = batch->logits.begin() + static_cast<std::ptrdiff_t>(i * classes);
        answers.push_back({next_answer++, {first, first + static_cast<std::ptrdiff_t>(classes)}});
      }
    }
    Answer answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }

  const Model model;
  const int max_batch;
  const std::vector<StageRange> ranges;
  std::mutex submit_mutex;  // ids in the order in which the session gets the batches
  std::uint64_t next_id = 0;
  std::mutex answer_mutex;
  std::deque<Answer> answers;  // of a batch that is given out in part
  std::uint64_t next_answer = 0;
  std::atomic<std::uint64_t> submitted{0};
  std::atomic<Clock::time_point> first_submission{Clock::time_point()};
  ReplaySession session;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session Session::open_local(const Model& model, const LocalOptions& options) {
  const ModelFile& file = model.impl_->file;
  if (!file.whole()) {
    throw Error(fmt::format("'{}' holds only {} of {}: a local session needs the whole model file",
                            file.path(), range_text(file.part()), file.architecture().depth));
  }
  const int max_batch = checked_batch(options.max_batch);
  const ContextOptions compute = checked_compute(options.compute);
  const auto connect = [model, max_batch, compute] {
    return make_local_session(model.impl_->file, max_batch, compute);
  };
  return Session(std::make_unique<Impl>(model, max_batch, std::vector<StageRange>{}, connect,
                                        ReplayOptions{}));
}

Session Session::open_ring(const Model& model, const RingOptions& options) {
  const int max_batch = checked_batch(options.max_batch);
  if (options.link_mbps != 0) {
    checked("link_mbps", options.link_mbps, min_link_mbps, max_link_mbps);
  }
  const RingPlan plan =
      plan_ring(ring_config(options), link_choice(options), options.link_mbps, model.impl_->file);
  if (!plan.notice.empty() && options.log) options.log(plan.notice);
  const auto connect = [model, max_batch, plan, log = options.log] {
    return connect_ring(plan, model.impl_->file, max_batch, log);
  };
  ReplayOptions replay;
  if (options.reconnect) {
    replay.on_loss = OnLoss::replay;
    replay.max_unanswered = max_unanswered_batches(false, plan.ranges.size());
  }
  replay.log = options.log;
  return Session(std::make_unique<Impl>(model, max_batch, plan.ranges, connect, std::move(replay)));
}

const Model& Session::model() const {
  return impl_->model;
}

std::uint64_t Session::submit_pixels(std::span<const std::uint8_t> pixels) {
  const std::size_t bytes = impl_->model.pixel_bytes(), images = pixels.size() / bytes;
  if (pixels.empty() || pixels.size() % bytes != 0) {
    throw Error(fmt::format("{} bytes of pixels: this model takes {} for each image ({} x {} x {})",
                            pixels.size(), bytes, impl_->model.channels(), impl_->model.height(),
                            impl_->model.width()));
  }
  if (images > static_cast<std::size_t>(impl_->max_batch)) {
    throw Error(fmt::format("{} images in one submit: the session was opened with max_batch {}",
                            images, impl_->max_batch));
  }
  PixelBatch batch{static_cast<std::uint32_t>(images), std::vector<std::byte>(pixels.size())};
  std::memcpy(batch.pixels.data(), pixels.data(), pixels.size());
  const std::lock_guard lock(impl_->submit_mutex);
  return impl_->submit(std::move(batch));
}

std::uint64_t Session::submit_picture(std::span<const std::uint8_t> pixels, int width, int height,
                                      int channels) {
  const auto fits = [](int side) { return side > 0 && side <= image_max_side; };
  if (!fits(width) || !fits(height) || std::int64_t{width} * height > image_max_pixels) {
    throw Error(fmt::format("a picture of {} x {}: sides are 1 to {}, and pixels at most {}", width,
                            height, image_max_side, image_max_pixels));
  }
  if (channels != 1 && channels != 3) {
    throw Error(fmt::format("a picture of {} channels: 1 (grey) and 3 (RGB) are known", channels));
  }
  const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                            static_cast<std::size_t>(channels);
  if (pixels.size() != bytes) {
    throw Error(fmt::format("{} bytes for a picture of {} x {} x {}: expected {}", pixels.size(),
                            width, height, channels, bytes));
  }
  Image image{width, height, channels, {pixels.begin(), pixels.end()}};
  return impl_->submit_image(convert_channels(std::move(image), impl_->model.channels()));
}

std::uint64_t Session::submit_file(std::span<const std::byte> file) {
  return impl_->submit_image(decode_image(file, impl_->model.channels(), "the picture"));
}

void Session::close_input() {
  impl_->session.close_input();
}

std::optional<Answer> Session::next() {
  return impl_->take(true);
}

std::optional<Answer> Session::try_next() {
  return impl_->take(false);
}

SessionReport Session::report() const {
  SessionReport report;
  const ReplayState state = impl_->session.state();
  report.submitted = impl_->submitted;
  report.answered = state.answered;
  report.connected = state.connected;
  report.reconnects = state.reconnects;
  const Clock::time_point first = impl_->first_submission, last = state.last_answer;
  if (last > first && first != Clock::time_point()) {
    report.seconds = std::chrono::duration<double>(last - first).count();
    report.images_per_s = static_cast<double>(report.answered) / report.seconds;
  }
  const bool again = state.reconnects > 0 && last > state.connected_at;
  const double counted =
      again ? std::chrono::duration<double>(last - state.connected_at).count() : report.seconds;
  add_ring_report(impl_->session.stats(), impl_->session.histories(), impl_->ranges, counted,
                  report);
  return report;
}

void Session::close() noexcept {
  if (impl_) impl_->session.stop();
}

}  // namespace quantring
