#include "engine/evaluation/stage_bench.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/model/model_file.h"
#include "engine/stage/stage_runner.h"
#include "engine/stage/synthetic_input.h"
#include "ops/base/error.h"
#include "ops/base/process_memory.h"

namespace quantring {
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

  // Median time of a batch with no other in flight.
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

  // Median time per batch with as many in flight as the stage takes. Batches end in clusters, so
  // windows of several are timed.
  double in_flight(double seconds, double alone_s) {
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

// Coding between stages while they are timed. The CPU's time is that of the forward pass, so
// nothing is coded. On a GPU raw32 would measure host copies that no ring makes.
CodecSpec link_codec(const Context& context) {
  return context.asynchronous() ? CodecSpec{CodecId::ptq, 8} : CodecSpec{};
}

StageBench measure(const StageBenchPlan& plan, Clock::time_point process_start) {
  StageBench bench;
  bench.compute = plan.compute();
  const ContextOptions& compute = bench.compute;
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
  timer.one();  // warms up pages, caches and clocks
  bench.depth = runner.depth();
  const bool several = bench.depth > 1;
  bench.alone_s = timer.alone(several ? plan.seconds / 2 : plan.seconds);
  bench.batch_s = several ? timer.in_flight(plan.seconds / 2, bench.alone_s) : bench.alone_s;
  bench.runs = timer.runs();
  bench.weights_mb = weights_mb(model.architecture(), plan.range, context.activation_dtype());
  bench.activations_mb = static_cast<double>(stage.activation_bytes()) / 1e6;
  bench.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
  const std::uint64_t device_after = device_bytes_in_use(compute.device);
  bench.device_mb =
      1e-6 * static_cast<double>(std::max(device_after, device_before) - device_before);
  return bench;
}

// What the child writes: this byte, then a StageBench or the text of the error.
enum class Tag : char { result = 'r', error = 'e', option_error = 'o' };
static_assert(std::is_trivially_copyable_v<StageBench>);

std::string outcome(const StageBenchPlan& plan, Clock::time_point process_start) {
  try {
    const StageBench bench = measure(plan, process_start);
    std::string bytes(1 + sizeof bench, static_cast<char>(Tag::result));
    std::memcpy(bytes.data() + 1, &bench, sizeof bench);
    return bytes;
  } catch (const OptionError& error) {
    return static_cast<char>(Tag::option_error) + std::string(error.what());
  } catch (const std::exception& error) {
    return static_cast<char>(Tag::error) + std::string(error.what());
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
  const char tag = text.empty() ? '\0' : text[0];
  if (tag == static_cast<char>(Tag::error)) throw Error(text.substr(1));
  if (tag == static_cast<char>(Tag::option_error)) throw OptionError(text.substr(1));
  StageBench bench;
  if (text.size() != 1 + sizeof bench) {
    throw Error(fmt::format("the process that measured {} ended early", range_text(plan.range)));
  }
  std::memcpy(&bench, text.data() + 1, sizeof bench);
  return bench;
}

}  // namespace quantring
