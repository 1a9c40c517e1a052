#include "ops/cuda/matmul/matmul_autotuner.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "ops/cuda/device/error.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/matmul/matmul_measurement.h"

namespace quantring::cuda {
namespace {

constexpr std::size_t max_finalists = 6;
constexpr double finalist_ratio = 1.06;  // of the best's time
constexpr int final_rounds = 5;

struct Timing {
  std::size_t candidate;
  double microseconds;
  MatmulMeasurement::Recording recording;
  std::vector<double> times;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool faster(const Timing& a, const Timing& b) {
  return a.microseconds < b.microseconds;
}

}  // namespace

MatmulCall product_of(const MatmulCall& call) {
  MatmulCall product = call;
  if (!call.norm || call.parts > 0) return product;
  product.norm = false;
  product.x = call.normed;
  product.x_dtype = call.layer->dtype;
  return product;
}

void enqueue(const Queue& queue, const MatmulCall& given, const MatmulCandidate& candidate) {
  MatmulCall call = given;
  if (candidate.without_sums) {
    call.sums = nullptr;
    call.parts = 0;
  }
  const MatmulCall product = product_of(call);
  if (product.norm != call.norm) {
    layer_norm(queue, call.x, call.x_dtype, {call.gamma, call.beta}, call.eps, call.rows,
               call.layer->in, call.normed, call.layer->dtype);
  }
  candidate.engine->run(product, candidate.name);
}

TuningResult autotune(const Queue& queue, const MatmulCall& call,
                      const std::vector<MatmulCandidate>& candidates) {
  TuningResult result;
  std::vector<Timing> timings;
  std::string failure = "their results are wrong";
  double best_time = std::numeric_limits<double>::infinity();
  std::optional<MatmulMeasurement> made;
  try {
    made.emplace(queue, call);
  } catch (const Error&) {
    cudaGetLastError();
    return result;
  }
  MatmulMeasurement& measurement = *made;
  const auto run = [&](std::size_t index) {
    return
        [&queue, &candidates, index](const MatmulCall& c) { enqueue(queue, c, candidates[index]); };
  };
  // First pass: all of them, briefly.
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    try {
      if (!measurement.correct(run(i))) {
        ++result.wrong[candidates[i].engine->name()];
        continue;
      }
      const double once = measurement.microseconds(run(i));
      if (once > 100 && once > 2 * best_time) continue;  // launch overhead does not matter here
      MatmulMeasurement::Recording recording = measurement.record(run(i), 400, once);
      const double first = measurement.microseconds(recording);
      const double time = std::min(first, measurement.microseconds(recording));
      best_time = std::min(best_time, time);
      timings.push_back({i, time, {}, {}});
    } catch (const Error& error) {
      failure = error.what();
      cudaGetLastError();  // else the next kernel would report it again
    }
  }
  if (timings.empty()) throw Error("all matrix products for this GPU fail: " + failure);
  std::stable_sort(timings.begin(), timings.end(), faster);

  // Second pass: the best ones, longer and in turns, so that a change of clock affects all of them.
  // The best with and the best without sums are always among them, to be compared.
  std::vector<Timing*> finalists;
  bool seen[2] = {};
  for (Timing& t : timings) {
    const bool near =
        finalists.size() < max_finalists && t.microseconds <= finalist_ratio * best_time;
    bool& kind = seen[candidates[t.candidate].without_sums];
    if (near || !kind) finalists.push_back(&t);
    kind = true;
  }
  for (Timing* t : finalists) {
    t->recording = measurement.record(run(t->candidate), 1000, t->microseconds);
  }
  for (int round = 0; round < final_rounds; ++round) {
    for (Timing* t : finalists) t->times.push_back(measurement.microseconds(t->recording));
  }
  for (Timing* t : finalists) t->microseconds = median(t->times);

  const Timing* best = nullptr;
  for (const Timing* t : finalists) {
    if (candidates[t->candidate].without_sums) {
      result.without_sums = t->microseconds;
    } else if (best == nullptr || faster(*t, *best)) {
      best = t;
    }
  }
  if (best == nullptr) throw Error("all matrix products for this GPU fail: " + failure);
  result.best = best->candidate;
  result.microseconds = best->microseconds;
  for (const Timing& t : timings) {
    const MatmulCandidate& candidate = candidates[t.candidate];
    if (candidate.without_sums || candidate.engine == candidates[result.best].engine) continue;
    const auto other = result.others.try_emplace(candidate.engine->name(), t.microseconds).first;
    other->second = std::min(other->second, t.microseconds);
  }
  return result;
}

}  // namespace quantring::cuda
