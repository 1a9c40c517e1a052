#include "tests/bench/adaptive/ring_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "apps/session/batch_session.h"
#include "apps/session/ring/link_plan.h"
#include "apps/session/ring/watch/link_coding.h"
#include "ops/base/error.h"
#include "tests/bench/adaptive/stage_nodes.h"
#include "tests/bench/adaptive/test_network.h"

namespace quantring::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double longest_phase = 1.5;  // of its nominal duration
constexpr std::chrono::milliseconds look_every{200};

// The paper's cut: after the attention of the sixth block, one tensor.
std::vector<StageRange> cut(const Architecture& architecture) {
  return {{0, 11}, {11, architecture.half_blocks()}};
}

std::unique_ptr<BatchSession> connect(const Setting& setting, const LinkPlan& plan) {
  net::HeadOptions head;
  head.listen = "0.0.0.0:7700";
  head.advertise_host = TestNetwork::head_host();
  for (int stage = 0; stage < 2; ++stage)
    head.stages.push_back({TestNetwork::stage_address(stage), ""});
  return make_ring_session(setting.model, head, cut(setting.model.architecture()), plan.links,
                           micro_batch, plan.codec_hash);
}

// Micro-batch `number`: the pictures go round.
PixelBatch pixels_of(const Photos& photos, int number) {
  PixelBatch batch;
  for (int i = 0; i < micro_batch; ++i, ++batch.images) {
    const auto& pixels =
        photos.pixels[static_cast<std::size_t>(number * micro_batch + i) % photos.pixels.size()];
    batch.pixels.insert(batch.pixels.end(), pixels.begin(), pixels.end());
  }
  return batch;
}

class Stream {
 public:
  Stream(const Setting& setting, const PolicyChoice& policy, double rate)
      : setting_(setting), phases_(paper_phases(setting.quick)), rate_(rate) {
    run_.policy = policy.name;
    run_.rate = rate;
    run_.quick = setting.quick;
    LinkChoice choice = policy.choice;
    if (choice.policy != Policy::fixed) choice.target_rate = rate;
    LinkPlan plan;
    if (policy.calibrated) {
      plan = plan_links(choice, {}, setting.model, cut(setting.model.architecture()));
      if (plan.codec_hash.empty())
        throw Error(
            fmt::format("policy {} needs the model's codec file: quantring calibrate PHOTOS "
                        "--cuts 5.5 --model {}",
                        policy.name, setting.model_path));
    } else {
      plan.links = choose_links(choice, {});
    }
    start_codec_ = plan.links.start;
    TestNetwork::shape(0);
    session_ = connect(setting, plan);
  }

  Run run() {
    start_ = Clock::now();
    std::thread source([this] { feed(); });
    std::thread watch([this] { look(); });
    try {
      receive();
    } catch (...) {
      failure_ = std::current_exception();
      session_->stop();
    }
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    source.join();
    watch.join();
    if (failure_) std::rethrow_exception(failure_);
    session_->finish();
    fill_codecs();
    return std::move(run_);
  }

 private:
  double now() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double interval() const { return micro_batch / rate_; }

  void feed() {
    try {
      double next_due = 0;
      for (std::size_t phase = 0; phase < phases_.size(); ++phase) feed_phase(phase, next_due);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
    session_->close_input();
  }

  void feed_phase(std::size_t number, double& next_due) {
    const Phase& phase = phases_[number];
    double deadline = 0;
    for (int batch = phase.first; batch < phase.end; ++batch) {
      std::this_thread::sleep_until(start_ + std::chrono::duration_cast<Clock::duration>(
                                                 std::chrono::duration<double>(next_due)));
      if (batch == phase.first) {
        begin_phase(phase);
        deadline = now() + longest_phase * interval() * (phase.end - phase.first);
      } else if (now() > deadline) {
        next_due = now();  // the stream goes on with the next phase
        return;
      }
      submit(batch, static_cast<int>(number), next_due);
      next_due += interval();
    }
  }

  void begin_phase(const Phase& phase) {
    const std::uint64_t values =
        static_cast<std::uint64_t>(setting_.model.architecture().tokens()) *
        static_cast<std::uint64_t>(setting_.model.architecture().dim);
    const double bps = scaled_bps(phase.paper_mbps, rate_, values);
    TestNetwork::shape(bps);
    const std::lock_guard lock(mutex_);
    shaped_bps_ = bps;
  }

  void submit(int batch, int phase, double due) {
    PixelBatch pixels = pixels_of(setting_.photos, batch);
    {
      const std::lock_guard lock(mutex_);
      BatchRecord record;
      record.batch = batch;
      record.phase = phase;
      record.due_s = due;
      record.submitted_s = now();
      record.images = micro_batch;
      run_.batches.push_back(record);
    }
    session_->submit(std::move(pixels));
  }

  void receive() {
    const int classes = setting_.model.architecture().classes;
    std::vector<float> logits;
    for (std::size_t i = 0; session_->next(logits); ++i) {
      const std::lock_guard lock(mutex_);
      BatchRecord& record = run_.batches.at(i);
      record.done_s = now();
      for (int image = 0; image < micro_batch; ++image) {
        const std::size_t photo = static_cast<std::size_t>(record.batch * micro_batch + image) %
                                  setting_.photos.labels.size();
        const int answer = first_class(
            logits.data() + static_cast<std::size_t>(image) * static_cast<std::size_t>(classes),
            classes);
        record.right += answer == setting_.photos.labels[photo];
        record.right_raw += setting_.photos.answers[photo] == setting_.photos.labels[photo];
        record.agree += answer == setting_.photos.answers[photo];
      }
      images_done_ += micro_batch;
    }
  }

  void look() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      const net::RingStats stats = session_->stats();
      if (!run_.batches.empty() && !stats.stages.empty()) {
        const net::LinkStats& link = stats.stages[0].output;
        const BatchRecord& last = run_.batches.back();
        const int waiting = static_cast<int>((now() - last.due_s) / interval()) * micro_batch;
        run_.samples.push_back({now(), last.batch, shaped_bps_, static_cast<int>(link.capacity),
                                link.capacity_bps, width_bits(link_coding(stats, 1).codec),
                                images_done_, std::max(0, waiting)});
        print(run_.samples.back());
      }
      changed_.wait_for(lock, look_every, [this] { return over_; });
    }
    if (terminal_) std::fputs("\n", stderr);
  }

  // One line that is written over on a terminal, else a line every ten seconds.
  void print(const Sample& s) {
    if (!terminal_ && s.time_s < said_s_ + 10) return;
    said_s_ = s.time_s;
    const std::string link =
        s.shaped_bps == 0 ? "free" : fmt::format("{:.1f} Mbit/s", s.shaped_bps * 1e-6);
    std::fputs(
        fmt::format("{}{}: {:.0f} s, micro-batch {} of {}, link {}, {:.3g} bits, {} images "
                    "waiting{}",
                    terminal_ ? "\r" : "", run_.policy, s.time_s, s.batch, phases_.back().end, link,
                    s.bits, s.images_waiting, terminal_ ? "\033[K" : "\n")
            .c_str(),
        stderr);
  }

  // The controller counts micro-batches as they were submitted.
  void fill_codecs() {
    const auto histories = session_->histories();
    CodecSpec codec = start_codec_;
    std::size_t next = 0;
    const auto& decisions = histories.at(0).decisions;
    for (std::size_t i = 0; i < run_.batches.size(); ++i) {
      for (; next < decisions.size() && decisions[next].frame <= i; ++next)
        codec = decisions[next].to;
      run_.batches[i].codec = codec;
    }
  }

  const Setting& setting_;
  std::vector<Phase> phases_;
  double rate_;
  CodecSpec start_codec_;
  std::unique_ptr<BatchSession> session_;
  Clock::time_point start_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Run run_;
  double shaped_bps_ = 0;
  int images_done_ = 0;
  bool over_ = false;
  bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  double said_s_ = -10;
  std::exception_ptr failure_;
};

}  // namespace

double measure_rate(const Setting& setting) {
  const StageNodes nodes(setting.program, setting.model_path, setting.folder + "/rate");
  TestNetwork::shape(0);
  LinkPlan raw32;
  raw32.links.start = {CodecId::raw32, 32};
  const auto session = connect(setting, raw32);
  const int batches = setting.quick ? 40 : 120, warm = batches / 4;
  std::thread source([&] {
    try {
      for (int i = 0; i < batches; ++i) session->submit(pixels_of(setting.photos, i));
    } catch (const std::exception&) {  // the receiving side has it too
    }
    session->close_input();
  });
  std::vector<float> logits;
  Clock::time_point begin;
  try {
    for (int i = 0; session->next(logits); ++i) {
      if (i == warm - 1) begin = Clock::now();
    }
  } catch (...) {
    session->stop();
    source.join();
    throw;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  source.join();
  const double rate = (batches - warm) * micro_batch / seconds;
  const net::RingStats stats = session->finish();
  fmt::print("float32 on a free link: {:.1f} images/s;", rate);
  for (const net::StageStats& stage : stats.stages) {
    fmt::print(" stage {} computes {:.1f} images/s", stage.stage,
               static_cast<double>(stage.images) / stage.compute_s);
  }
  fmt::print("\n");
  return rate;
}

Run run_policy(const Setting& setting, const PolicyChoice& policy, double rate) {
  const StageNodes nodes(setting.program, setting.model_path,
                         setting.folder + "/" + policy.name + "-node");
  return Stream(setting, policy, rate).run();
}

}  // namespace quantring::bench
