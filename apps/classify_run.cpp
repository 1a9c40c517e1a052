#include "apps/classify_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "apps/classifier.h"
#include "apps/local_nodes.h"
#include "apps/output.h"
#include "apps/progress.h"
#include "apps/report.h"
#include "apps/ring_config.h"
#include "engine/image_source.h"
#include "engine/preprocess.h"
#include "engine/safetensors.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

using Clock = std::chrono::steady_clock;

struct Picture {
  std::string name;
  int label = -1;
};

// Reads, preprocesses and submits on a thread of its own, so that decoding overlaps with the
// compute.
class Feeder {
 public:
  Feeder(ImageSource& source, const PreprocessConfig& preprocess, int batch, Classifier& classifier,
         Progress& progress)
      : source_(source),
        preprocess_(preprocess),
        batch_(static_cast<std::size_t>(batch)),
        classifier_(classifier),
        progress_(progress),
        thread_([this] { run(); }) {}

  ~Feeder() { thread_.join(); }

  // The pictures of the next batch whose results came; only after that batch's logits.
  std::vector<Picture> take() {
    const std::lock_guard lock(mutex_);
    auto pictures = std::move(submitted_.front());
    submitted_.pop_front();
    return pictures;
  }

  // After the last result: what ended the reading early, if anything did.
  void rethrow() {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
  }

  std::uint64_t unreadable() const { return unreadable_; }
  Clock::time_point first_submission() const { return first_submission_; }

 private:
  void run() {
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

  // Says and passes over what cannot be read.
  bool more(SourceItem& item) {
    for (;;) {
      try {
        return source_.next(item);
      } catch (const Error& error) {
        progress_.print(stderr, fmt::format("error: {}", error.what()));
        ++unreadable_;
      }
    }
  }

  void add(const SourceItem& item) {
    const std::size_t bytes = preprocess_.pixel_count();
    pixels_.resize((pictures_.size() + 1) * bytes);
    std::uint8_t* const place =
        reinterpret_cast<std::uint8_t*>(pixels_.data()) + pictures_.size() * bytes;
    try {
      to_pixels(item.image, preprocess_, {place, bytes});
    } catch (const Error& error) {
      progress_.print(stderr, fmt::format("error: {}: {}", item.name, error.what()));
      ++unreadable_;
      return;
    }
    pictures_.push_back({item.name, item.label});
    if (pictures_.size() == batch_) flush();
  }

  void flush() {
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

  ImageSource& source_;
  const PreprocessConfig& preprocess_;
  std::size_t batch_;
  Classifier& classifier_;
  Progress& progress_;
  std::vector<Picture> pictures_;  // of the batch being filled
  std::vector<std::byte> pixels_;
  std::mutex mutex_;
  std::deque<std::vector<Picture>> submitted_;
  std::exception_ptr failure_;
  std::atomic<std::uint64_t> unreadable_{0};
  Clock::time_point first_submission_;
  std::thread thread_;  // last: it uses all of the above
};

void write_logits(const std::string& path, const std::vector<float>& logits, int classes) {
  SafetensorsWriter writer(path);
  writer.declare("logits", "F32", {static_cast<std::int64_t>(logits.size()) / classes, classes});
  writer.begin({});
  writer.write(std::as_bytes(std::span(logits)));
  writer.commit();
}

void count(const Answer& answer, std::span<const float> logits, ClassifySummary& summary) {
  ++summary.images;
  if (answer.label < 0) return;
  ++summary.labelled;
  const auto top = top_k(logits, 5);
  summary.top1 += !top.empty() && top[0].index == answer.label;
  summary.top5 += std::any_of(top.begin(), top.end(),
                              [&](const Prediction& p) { return p.index == answer.label; });
}

int default_threads(int processes) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / std::max(1, processes));
}

// Everything about the ring, from the flags and the ring file.
struct Ring {
  RingConfig config;
  std::vector<StageRange> ranges;
  CodecSpec codec;
};

Ring plan_ring(const ClassifyOptions& options, RingConfig config, const ModelFile& model) {
  Ring ring{std::move(config), {}, {}};
  if (options.ring.empty()) ring.config.stages.resize(static_cast<std::size_t>(options.stages));
  ring.ranges = stage_ranges(ring.config, model.architecture());
  ring.codec = options.codec ? *options.codec : ring.config.codec.value_or(CodecSpec{});
  if (options.link_mbps > 0) ring.config.link_mbps = options.link_mbps;
  return ring;
}

std::unique_ptr<Classifier> connect(const Ring& ring, const ClassifyOptions& options,
                                    const ModelFile& model) {
  net::HeadOptions head;
  head.listen = ring.config.listen;
  head.advertise_host = ring.config.advertise;
  head.link_bits_per_second = static_cast<std::uint64_t>(ring.config.link_mbps * 1e6);
  for (const auto& stage : ring.config.stages) head.stages.push_back({stage.address, ""});
  return make_ring_classifier(model, head, ring.ranges, ring.codec, options.batch);
}

}  // namespace

ClassifySummary run_classify(const ClassifyOptions& options) {
  RingConfig config;
  if (!options.ring.empty()) config = read_ring_config(options.ring);
  const std::string model_path = options.model.empty() ? config.model : options.model;
  if (model_path.empty())
    throw Error("no model: say --model FILE, or model = \"FILE\" in the ring file");
  const ModelFile model(model_path);
  const Architecture& architecture = model.architecture();
  const auto source =
      open_source(options.source, {model.preprocess().channels, options.labels, options.limit});

  ClassifySummary summary;
  summary.model = model_path;
  std::unique_ptr<LocalNodes> nodes;
  std::unique_ptr<Classifier> classifier;
  if (options.ring.empty() && options.stages == 0) {
    const int threads = options.threads > 0 ? options.threads : default_threads(1);
    classifier = make_local_classifier(model, options.batch, threads);
  } else {
    Ring ring = plan_ring(options, std::move(config), model);
    if (options.ring.empty()) {
      const int threads = options.threads > 0 ? options.threads : default_threads(options.stages);
      nodes = std::make_unique<LocalNodes>(options.stages, model_path, threads);
      ring.config.listen = "127.0.0.1:0";
      for (std::size_t i = 0; i < ring.config.stages.size(); ++i)
        ring.config.stages[i].address = nodes->addresses()[i];
    }
    classifier = connect(ring, options, model);
    summary.ranges = ring.ranges;
  }

  Progress progress(source->size());
  std::vector<float> logits, all_logits;
  {
    Feeder feeder(*source, model.preprocess(), options.batch, *classifier, progress);
    const auto classes = static_cast<std::size_t>(architecture.classes);
    try {
      while (classifier->next(logits)) {
        const auto pictures = feeder.take();
        for (std::size_t i = 0; i < pictures.size(); ++i) {
          const std::span<const float> row(logits.data() + i * classes, classes);
          const Answer answer{pictures[i].name, pictures[i].label, top_k(row, options.top)};
          count(answer, row, summary);
          if (options.json) {
            progress.print(stdout, answer_json(answer, model.labels()));
          } else if (!options.quiet) {
            progress.print(stdout, answer_line(answer, model.labels()));
          }
        }
        if (!options.logits_file.empty())
          all_logits.insert(all_logits.end(), logits.begin(), logits.end());
        summary.seconds =
            std::chrono::duration<double>(Clock::now() - feeder.first_submission()).count();
        if (options.progress && progress.due()) {
          progress.show(summary.images, summary.images_per_s(),
                        progress_links(classifier->stats(), summary.seconds));
        }
      }
    } catch (...) {
      classifier->stop();  // or the feeder would wait for room for ever
      throw;
    }
    summary.unreadable = feeder.unreadable();
    feeder.rethrow();
  }
  summary.ring = classifier->finish();
  if (!options.logits_file.empty())
    write_logits(options.logits_file, all_logits, architecture.classes);
  return summary;
}

}  // namespace quantring::apps
