#include "apps/commands/stage_bench.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "apps/session/stage_input.h"
#include "apps/session/stage_worker.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring::apps {
namespace {

using Clock = std::chrono::steady_clock;

double elapsed(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double weights_mb(const Architecture& architecture, StageRange range, DType dtype) {
  double bytes = 0;
  for (const TensorSpec& spec : tensor_specs(architecture, range)) {
    double count = 1;
    for (const auto dim : spec.shape) count *= static_cast<double>(dim);
    bytes += count * static_cast<double>(dtype_bytes(spec.shape.size() > 1 ? dtype : DType::f32));
  }
  return 1e-6 * bytes;
}

// Runs batches through a stage and times them.
class Timer {
 public:
  Timer(StageRunner& runner, std::vector<std::byte> input, std::uint32_t images)
      : runner_(runner), input_(std::move(input)), images_(images) {}

  void one() {
    runner_.submit(input_, images_);
    runner_.collect(result_);
  }

  // Median of a batch with no other under way.
  double alone(double seconds) {
    std::vector<double> times;
    const auto start = Clock::now();
    while (times.size() < 5 || elapsed(start) < seconds) {
      const auto begin = Clock::now();
      one();
      times.push_back(elapsed(begin));
    }
    runs_ += static_cast<int>(times.size());
    return median(times);
  }

  // Median of a batch with as many under way as the stage takes. Batches end in clusters, so whole
  // windows of them are timed.
  double under_way(double seconds, double alone_s) {
    const int window = 4 * runner_.depth() + static_cast<int>(0.02 / alone_s);
    while (runner_.pending() < runner_.depth()) runner_.submit(input_, images_);
    std::vector<double> times;
    const auto start = Clock::now();
    while (times.size() < 5 || elapsed(start) < seconds) {
      const auto begin = Clock::now();
      for (int i = 0; i < window; ++i) {
        runner_.collect(result_);
        runner_.submit(input_, images_);
      }
      times.push_back(elapsed(begin) / window);
      runs_ += window;
    }
    while (runner_.pending() > 0) runner_.collect(result_);
    return median(times);
  }

  int runs() const { return runs_; }

 private:
  StageRunner& runner_;
  std::vector<std::byte> input_, result_;
  std::uint32_t images_;
  int runs_ = 0;
};

// What crosses between stages while they are timed. A CPU's time is that of its forward pass, so
// nothing is coded. A GPU's would be the copies of an unpacked stream, which no ring sends it.
CodecSpec link_codec(const Context& context) {
  return context.asynchronous() ? CodecSpec{CodecId::ptq, 8} : CodecSpec{};
}

StageBench measure(const StageBenchPlan& plan, Clock::time_point process_start) {
  const ContextOptions compute = choose_compute(plan.compute, plan.threads);
  StageBench bench;
  bench.device = device_text(compute.device);
  bench.precision = precision_text(compute.precision);
  bench.compute = compute_text(compute);
  const std::uint64_t device_before = device_bytes_in_use(compute.device);
  const ModelFile model(plan.model_path);
  Context context(compute);
  const CodecSpec codec = link_codec(context);
  StageRunner runner(context, model, plan.range, plan.batch,
                     [codec](std::uint32_t) { return codec; });
  const Stage& stage = runner.stage();
  const auto images = static_cast<std::uint32_t>(plan.batch);
  Timer timer(runner, random_input(stage, model.architecture(), images, codec), images);
  timer.one();
  bench.first_result_s = elapsed(process_start);
  timer.one();  // pages, caches, clocks
  bench.depth = runner.depth();
  const bool several = bench.depth > 1;
  bench.alone_s = timer.alone(several ? plan.seconds / 2 : plan.seconds);
  bench.batch_s = several ? timer.under_way(plan.seconds / 2, bench.alone_s) : bench.alone_s;
  bench.runs = timer.runs();
  bench.weights_mb = weights_mb(model.architecture(), plan.range, context.activation_dtype());
  bench.activations_mb = static_cast<double>(stage.activation_bytes()) / 1e6;
  bench.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
  const std::uint64_t device_after = device_bytes_in_use(compute.device);
  bench.device_mb =
      1e-6 * static_cast<double>(std::max(device_after, device_before) - device_before);
  return bench;
}

std::string bench_json(const StageBench& b) {
  return nlohmann::json{{"device", b.device},
                        {"precision", b.precision},
                        {"compute", b.compute},
                        {"depth", b.depth},
                        {"alone_s", b.alone_s},
                        {"batch_s", b.batch_s},
                        {"runs", b.runs},
                        {"first_result_s", b.first_result_s},
                        {"weights_mb", b.weights_mb},
                        {"activations_mb", b.activations_mb},
                        {"resident_mb", b.resident_mb},
                        {"device_mb", b.device_mb}}
      .dump();
}

StageBench parse_bench(const nlohmann::json& value) {
  StageBench b;
  b.device = value.at("device");
  b.precision = value.at("precision");
  b.compute = value.at("compute");
  b.depth = value.at("depth");
  b.alone_s = value.at("alone_s");
  b.batch_s = value.at("batch_s");
  b.runs = value.at("runs");
  b.first_result_s = value.at("first_result_s");
  b.weights_mb = value.at("weights_mb");
  b.activations_mb = value.at("activations_mb");
  b.resident_mb = value.at("resident_mb");
  b.device_mb = value.at("device_mb");
  return b;
}

// In the child: the result, or the error, as JSON.
std::string outcome(const StageBenchPlan& plan, Clock::time_point process_start) {
  try {
    return bench_json(measure(plan, process_start));
  } catch (const std::exception& error) {
    return json_text(nlohmann::json{{"error", error.what()}});
  }
}

std::string read_all(int descriptor) {
  std::string text;
  char bytes[4096];
  for (;;) {
    const ssize_t got = ::read(descriptor, bytes, sizeof bytes);
    if (got > 0) text.append(bytes, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

}  // namespace

StageBench bench_stage(const StageBenchPlan& plan) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("cannot make a pipe");
  const auto start = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) throw Error("cannot start a process");
  if (child == 0) {
    const std::string text = outcome(plan, start);
    const ssize_t written = ::write(ends[1], text.data(), text.size());  // fits in the pipe
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  const std::string text = read_all(ends[0]);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  const auto value = try_parse_json(text);
  if (!value.is_object()) {
    throw Error(
        fmt::format("the measurement of {} ended before its result", range_text(plan.range)));
  }
  if (value.contains("error")) throw Error(value.at("error").get<std::string>());
  return parse_bench(value);
}

}  // namespace quantring::apps
