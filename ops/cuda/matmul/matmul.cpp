// Selects the engine for a matrix product by measuring.

#include "ops/cuda/matmul/matmul.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include "ops/activation_name.h"
#include "ops/cuda/device/error.h"
#include "ops/cuda/matmul/cublas_lt_api.h"
#include "ops/cuda/matmul/matmul_autotuner.h"
#include "ops/cuda/matmul/tuning_cache.h"

namespace quantring::cuda {
namespace {

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
  if (call.accumulate) text += writes_sums(call) ? " added summing" : " added";
  if (call.y_dtype != layer.dtype) text += std::string(" to ") + dtype_name(call.y_dtype);
  return text;
}

MatmulCall without_sums(MatmulCall call) {
  call.sums = nullptr;
  call.parts = 0;
  return call;
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
    bool confirmed;  // else it comes from the file, which may hold anything
  };

  const Queue& queue;
  TuningCache cache;
  std::vector<std::unique_ptr<MatmulEngine>> engines;
  std::unique_ptr<MatmulEngine> cublas_lt;  // see library()
  bool library_searched = false;
  std::size_t library_version = 0;
  std::string library_missing;
  std::map<std::string, Chosen> chosen;

  // cuBLASLt, or null. Opened only when needed: loading takes long and running takes memory, and
  // most runs know from the file that they do not need it.
  MatmulEngine* library() {
    if (!library_searched) {
      // So that it may allocate while this stream is captured.
      cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
      check(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
      cublas_lt = make_cublas_lt_engine(queue, library_missing);
      check(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
      if (cublas_lt) library_version = lt::load(library_missing)->version();
      library_searched = true;
    }
    return cublas_lt.get();
  }

  std::vector<MatmulEngine*> all_engines() {
    std::vector<MatmulEngine*> all;
    for (const auto& engine : engines) all.push_back(engine.get());
    if (MatmulEngine* engine = library()) all.push_back(engine);
    return all;
  }

  // For a call with sums only those that write or read them.
  std::vector<MatmulCandidate> candidates_of(const MatmulCall& call) {
    std::vector<MatmulCandidate> found;
    for (MatmulEngine* engine : all_engines()) {
      for (std::string& name : engine->candidates(product_of(call))) {
        if (writes_sums(call) && engine->sum_parts(call, name) == 0) continue;
        found.push_back({engine, std::move(name), false});
      }
    }
    return found;
  }

  // Nothing if the chosen candidate does not exist in this run.
  std::optional<MatmulCandidate> candidate_of(const TuningChoice& choice) {
    if (choice.engine == "cublaslt") {
      if (library() == nullptr || library_version != choice.library) return {};
      return MatmulCandidate{library(), choice.candidate, false};
    }
    // Measured without the library that is there now.
    if (choice.library == 0 && library() != nullptr) return {};
    for (const auto& engine : engines) {
      if (engine->name() == choice.engine) {
        return MatmulCandidate{engine.get(), choice.candidate, false};
      }
    }
    return {};
  }

  // The fastest candidate of this shape if it is known, from this run or from the file; else null.
  // Whether one from the file exists is checked at its first use only: that may open the library.
  Chosen* known(const MatmulCall& call) {
    const std::string text = shape_text(call);
    const auto found = chosen.find(text);
    if (found != chosen.end()) return &found->second;
    const TuningChoice* remembered = cache.find(one_word(text));
    return remembered == nullptr ? nullptr : &choose(call, *remembered, false);
  }

  Chosen& choose(const MatmulCall& call, const TuningChoice& choice, bool confirmed) {
    const double operations =
        2.0 * static_cast<double>(call.rows * call.layer->in * call.layer->out);
    const std::string text = shape_text(call);
    return chosen[text] = {choice, operations, text, confirmed};
  }

  // The same, measured where it is not known. Null if no engine can, and for an unknown shape while
  // the stream is captured, when nothing can be measured.
  Chosen* fastest(const MatmulCall& call) {
    if (Chosen* found = known(call)) return found;
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(queue.stream, &capture), "cudaStreamIsCapturing");
    if (capture != cudaStreamCaptureStatusNone) return nullptr;
    std::vector<MatmulCandidate> all = candidates_of(call);
    if (all.empty()) return nullptr;
    // Measured in turns with the fastest candidate without sums, and stored relative to that one's
    // time: a hot GPU is slower at everything.
    const Chosen* without = call.sums == nullptr ? nullptr : fastest(without_sums(call));
    if (without != nullptr) {
      if (std::optional<MatmulCandidate> baseline = candidate_of(without->choice)) {
        baseline->without_sums = true;
        all.push_back(*baseline);
      }
    }
    const TuningChoice choice = measure(call, all, without);
    if (choice.microseconds > 0) cache.add(one_word(shape_text(call)), choice);
    return &choose(call, choice, true);
  }

  TuningChoice measure(const MatmulCall& call, const std::vector<MatmulCandidate>& all,
                       const Chosen* without) {
    const TuningResult result = autotune(queue, call, all);
    double time = result.microseconds;
    if (without != nullptr && result.without_sums > 0) {
      time *= without->choice.microseconds / result.without_sums;
    }
    const MatmulCandidate& best = all[result.best];
    std::string others;
    const auto add = [&](const std::string& name, const char* format, auto value) {
      char text[32];
      std::snprintf(text, sizeof text, format, value);
      others += (others.empty() ? "" : ",") + name + text;
    };
    for (const auto& [name, microseconds] : result.others) add(name, ":%.2f", microseconds);
    for (const auto& [name, count] : result.wrong) add(name, "-wrong:%d", count);
    return {best.engine->name(), best.name,
            std::round(1000 * time) / 1000,  // as it is stored
            others, library_version};
  }

  int enqueue_candidate(const MatmulCall& call, const MatmulCandidate& candidate) {
    enqueue(queue, call, candidate);
    return writes_sums(call) ? candidate.engine->sum_parts(call, candidate.name) : 0;
  }

  int start(const MatmulCall& call) {
    Chosen* best = fastest(call);
    if (best != nullptr && !best->confirmed) {
      try {
        if (const std::optional<MatmulCandidate> candidate = candidate_of(best->choice)) {
          const int parts = enqueue_candidate(call, *candidate);
          best->confirmed = true;
          return parts;
        }
      } catch (const Error&) {
        cudaGetLastError();
      }
      const std::string text = shape_text(call);
      chosen.erase(text);
      cache.forget(one_word(text));
      best = fastest(call);
    }
    if (best != nullptr) return enqueue_candidate(call, *candidate_of(best->choice));
    const std::vector<MatmulCandidate> all = candidates_of(call);
    if (all.empty()) {
      throw Error("no engine can compute this matrix product on this GPU (" + shape_text(call) +
                  ")" + (library_missing.empty() ? "" : ": " + library_missing));
    }
    return enqueue_candidate(call, all.front());
  }

  // Microseconds that the sums written by a call save the call that reads them. Infinite while that
  // is not known, so that it gets measured.
  double saved(const MatmulCall& call) {
    if (call.reader == nullptr) return 0;
    MatmulCall reader = *call.reader;
    reader.parts = 1;
    const Chosen* const with = known(reader);
    reader.parts = 0;
    const Chosen* const without = known(reader);
    if (with == nullptr || without == nullptr) return std::numeric_limits<double>::infinity();
    return std::max(0.0, without->choice.microseconds - with->choice.microseconds);
  }

  int run(const MatmulCall& call) {
    if (call.rows == 0) return 0;
    if (call.sums == nullptr) return start(call);
    const Chosen* const with = fastest(call);
    const Chosen* const without = fastest(without_sums(call));
    const bool pays =
        with != nullptr && (without == nullptr ||
                            with->choice.microseconds - saved(call) < without->choice.microseconds);
    return start(pays ? call : without_sums(call));
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
    lines.push_back(text + ": " + choice.engine + ' ' + choice.candidate + ", " + figures +
                    (choice.others.empty() ? "" : " (" + choice.others + ")"));
  }
  if (!impl_->library_missing.empty()) lines.push_back("not compared: " + impl_->library_missing);
  return lines;
}

}  // namespace quantring::cuda
