// Which engine computes a matrix product, by measuring.

#include "ops/cuda/matmul.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "ops/cuda/cublas_lt_api.h"
#include "ops/cuda/error.h"
#include "ops/cuda/matmul_contest.h"
#include "ops/cuda/tuning_cache.h"

namespace quantring::cuda {
namespace {

const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return "gelu_erf";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::gelu_quick:
      return "gelu_quick";
    case Activation::none:
      break;
  }
  return "none";
}

// "rows 197 in 768 out 2304 f16 norm": all that the choice may depend on.
std::string shape_text(const MatmulCall& call) {
  const DeviceLinear& layer = *call.layer;
  std::string text = "rows " + std::to_string(call.rows) + " in " + std::to_string(layer.in) +
                     " out " + std::to_string(layer.out) + ' ' + dtype_name(layer.dtype);
  if (call.norm) text += call.parts > 0 ? " summed norm" : " norm";
  if (call.x_dtype != layer.dtype) text += std::string(" of ") + dtype_name(call.x_dtype);
  if (layer.bias.get() == nullptr) text += " no bias";
  if (call.activation != Activation::none)
    text += ' ' + std::string(activation_name(call.activation));
  if (call.accumulate) text += call.sums != nullptr ? " added summing" : " added";
  if (call.y_dtype != layer.dtype) text += std::string(" to ") + dtype_name(call.y_dtype);
  return text;
}

std::string one_word(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

// What must be the same for a choice to hold: the GPU, its driver and this very build.
std::string versions_of(const Queue& queue, const char* device_name) {
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  struct stat program {};
  stat("/proc/self/exe", &program);
  return std::string(device_name) + ", compute capability " +
         std::to_string(queue.compute_capability) + ", driver " + std::to_string(driver) +
         ", QuantRing " QUANTRING_VERSION " of " + std::to_string(program.st_size) + " bytes and " +
         std::to_string(program.st_mtim.tv_sec) + '.' + std::to_string(program.st_mtim.tv_nsec);
}

TuningCache open_cache(const Queue& queue) {
  cudaDeviceProp facts{};
  check(cudaGetDeviceProperties(&facts, queue.device), "cudaGetDeviceProperties");
  const std::string versions = versions_of(queue, facts.name);
  return TuningCache(choices_path(facts.name, versions), versions);
}

}  // namespace

struct Matmul::Impl {
  explicit Impl(const Queue& q) : queue(q), cache(open_cache(q)) {
    engines.push_back(make_mma_engine(queue));
    if (auto engine = make_wgmma_engine(queue)) engines.push_back(std::move(engine));
  }

  struct Chosen {
    TuningChoice choice;
    double operations;
    std::string text;
  };

  const Queue& queue;
  TuningCache cache;
  std::vector<std::unique_ptr<MatmulEngine>> engines;
  std::unique_ptr<MatmulEngine> cublas_lt;  // see library()
  bool library_looked_for = false;
  std::size_t library_version = 0;
  std::string library_missing;
  std::map<std::string, Chosen> chosen;

  // cuBLASLt, or null. Opened when it is needed only: it takes long to load and memory to run, and
  // most runs know from the file that they can do without.
  MatmulEngine* library() {
    if (!library_looked_for) {
      // Allocating is allowed also while this stream is captured.
      cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
      check(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
      cublas_lt = make_cublas_lt_engine(queue, library_missing);
      check(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
      if (cublas_lt) library_version = lt::load(library_missing)->version();
      library_looked_for = true;
    }
    return cublas_lt.get();
  }

  std::vector<MatmulEngine*> all_engines() {
    std::vector<MatmulEngine*> all;
    for (const auto& engine : engines) all.push_back(engine.get());
    if (MatmulEngine* engine = library()) all.push_back(engine);
    return all;
  }

  std::vector<MatmulWay> ways(const MatmulCall& call) {
    std::vector<MatmulWay> found;
    for (MatmulEngine* engine : all_engines()) {
      for (std::string& name : engine->candidates(call)) {
        const bool apart = wants_sums(call) && engine->sums_left(call, name) == 0;
        found.push_back({engine, std::move(name), apart});
      }
      if (!call.norm) continue;
      for (std::string& name : engine->candidates(without_norm(call))) {
        found.push_back({engine, std::move(name), true});
      }
    }
    if (found.empty()) {
      throw Error("no way to compute a matrix product on this GPU (" + shape_text(call) + ")" +
                  (library_missing.empty() ? "" : ": " + library_missing));
    }
    return found;
  }

  // Nothing if what was chosen does not exist in this run.
  std::optional<MatmulWay> way_of(const TuningChoice& choice) {
    if (choice.engine == "cublaslt") {
      if (library() == nullptr || library_version != choice.library) return {};
      return MatmulWay{library(), choice.candidate, choice.norm_apart};
    }
    // Measured without the library that is there now.
    if (choice.library == 0 && library() != nullptr) return {};
    for (const auto& engine : engines) {
      if (engine->name() == choice.engine) {
        return MatmulWay{engine.get(), choice.candidate, choice.norm_apart};
      }
    }
    return {};
  }

  // What start() returns, if a choice from the file could be used; it may be anything.
  std::optional<int> start_remembered(const MatmulCall& call, const TuningChoice& choice) {
    if (choice.norm_apart && !call.norm && !wants_sums(call)) return {};
    const std::optional<MatmulWay> way = way_of(choice);
    if (!way) return {};
    try {
      return start(call, *way);
    } catch (const Error&) {
      cudaGetLastError();
      return {};
    }
  }

  TuningChoice measure(const MatmulCall& call) {
    const std::vector<MatmulWay> all = ways(call);
    const Contest contest = hold_contest(queue, call, all);
    const MatmulWay& way = all[contest.winner];
    std::string others;
    const auto add = [&](const std::string& name, const char* format, auto value) {
      char text[32];
      std::snprintf(text, sizeof text, format, value);
      others += (others.empty() ? "" : ",") + name + text;
    };
    for (const auto& [name, microseconds] : contest.others) add(name, ":%.2f", microseconds);
    for (const auto& [name, count] : contest.wrong) add(name, "-wrong:%d", count);
    return {way.engine->name(),
            way.candidate,
            way.norm_apart,
            std::round(1000 * contest.microseconds) / 1000,  // as it is stored
            others,
            library_version};
  }

  int start(const MatmulCall& call, const MatmulWay& way) {
    enqueue(queue, call, way);
    return wants_sums(call) ? way.engine->sums_left(call, way.candidate) : 0;
  }

  int run(const MatmulCall& call) {
    if (call.rows == 0) return 0;
    const std::string text = shape_text(call);
    const auto known = chosen.find(text);
    if (known != chosen.end()) return start(call, *way_of(known->second.choice));
    const auto choose = [&](const TuningChoice& choice) {
      chosen[text] = {
          choice, 2.0 * static_cast<double>(call.rows * call.layer->in * call.layer->out), text};
    };
    const TuningChoice* remembered = cache.find(one_word(text));
    if (remembered != nullptr) {
      if (const std::optional<int> parts = start_remembered(call, *remembered)) {
        choose(*remembered);
        return *parts;
      }
    }
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(queue.stream, &capture), "cudaStreamIsCapturing");
    if (capture != cudaStreamCaptureStatusNone) return start(call, ways(call).front());
    const TuningChoice choice = measure(call);
    choose(choice);
    if (choice.microseconds > 0) cache.add(one_word(text), choice);
    return start(call, *way_of(choice));
  }
};

Matmul::Matmul(const Queue& queue) : impl_(std::make_unique<Impl>(queue)) {}
Matmul::~Matmul() = default;
int Matmul::run(const MatmulCall& call) {
  return impl_->run(call);
}

std::vector<std::string> Matmul::report() const {
  std::vector<std::string> lines;
  for (const auto& [text, chosen] : impl_->chosen) {
    const TuningChoice& choice = chosen.choice;
    char figures[80];
    std::snprintf(figures, sizeof figures, "%.2f us, %.0f TFLOP/s", choice.microseconds,
                  chosen.operations / choice.microseconds / 1e6);
    lines.push_back(text + ": " + choice.engine + ' ' + choice.candidate +
                    (choice.norm_apart ? ", norm apart, " : ", ") + figures +
                    (choice.others.empty() ? "" : " (" + choice.others + ")"));
  }
  if (!impl_->library_missing.empty()) lines.push_back("not compared: " + impl_->library_missing);
  return lines;
}

}  // namespace quantring::cuda
