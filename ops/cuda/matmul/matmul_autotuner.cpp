#include "ops/cuda/matmul/matmul_autotuner.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "ops/cuda/elementwise.h"
#include "ops/cuda/device/error.h"
#include "ops/cuda/matmul/matmul_trial.h"

namespace quantring::cuda {
namespace {

constexpr std::size_t most_finalists = 6;
constexpr double close = 1.06;  // of the best's time
constexpr int final_rounds = 5;

struct Entrant {
  std::size_t way;
  double microseconds;
  MatmulTrial::Recording recording;
  std::vector<double> times;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool faster(const Entrant& a, const Entrant& b) {
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

void enqueue(const Queue& queue, const MatmulCall& given, const MatmulWay& way) {
  MatmulCall call = given;
  if (way.without_sums) {
    call.sums = nullptr;
    call.parts = 0;
  }
  const MatmulCall product = product_of(call);
  if (product.norm != call.norm) {
    layer_norm(queue, call.x, call.x_dtype, {call.gamma, call.beta}, call.eps, call.rows,
               call.layer->in, call.normed, call.layer->dtype);
  }
  way.engine->run(product, way.candidate);
}

Contest hold_contest(const Queue& queue, const MatmulCall& call,
                     const std::vector<MatmulWay>& ways) {
  Contest contest;
  std::vector<Entrant> entrants;
  std::string failure = "they compute something else";
  double best = std::numeric_limits<double>::infinity();
  std::optional<MatmulTrial> made;
  try {
    made.emplace(queue, call);
  } catch (const Error&) {
    cudaGetLastError();
    return contest;
  }
  MatmulTrial& trial = *made;
  const auto run = [&](std::size_t way) {
    return [&queue, &ways, way](const MatmulCall& c) { enqueue(queue, c, ways[way]); };
  };
  // All of them, quickly.
  for (std::size_t i = 0; i < ways.size(); ++i) {
    try {
      if (!trial.computes(run(i))) {
        ++contest.wrong[ways[i].engine->name()];
        continue;
      }
      const double once = trial.microseconds(run(i));
      if (once > 100 && once > 2 * best) continue;  // too long for the host's part to matter
      MatmulTrial::Recording recording = trial.record(run(i), 400, once);
      const double first = trial.microseconds(recording);
      const double time = std::min(first, trial.microseconds(recording));
      best = std::min(best, time);
      entrants.push_back({i, time, {}, {}});
    } catch (const Error& error) {
      failure = error.what();
      cudaGetLastError();  // or the next kernel would be blamed
    }
  }
  if (entrants.empty()) throw Error("all matrix products that this GPU might use fail: " + failure);
  std::stable_sort(entrants.begin(), entrants.end(), faster);

  // The best ones again, longer and in turn, so that a clock that changes meets all of them; and
  // the best of either kind, to be compared.
  std::vector<Entrant*> finalists;
  bool seen[2] = {};
  for (Entrant& e : entrants) {
    const bool near = finalists.size() < most_finalists && e.microseconds <= close * best;
    bool& kind = seen[ways[e.way].without_sums];
    if (near || !kind) finalists.push_back(&e);
    kind = true;
  }
  for (Entrant* e : finalists) e->recording = trial.record(run(e->way), 1000, e->microseconds);
  for (int round = 0; round < final_rounds; ++round) {
    for (Entrant* e : finalists) e->times.push_back(trial.microseconds(e->recording));
  }
  for (Entrant* e : finalists) e->microseconds = median(e->times);

  const Entrant* winner = nullptr;
  for (const Entrant* e : finalists) {
    if (ways[e->way].without_sums) {
      contest.without_sums = e->microseconds;
    } else if (winner == nullptr || faster(*e, *winner)) {
      winner = e;
    }
  }
  if (winner == nullptr)
    throw Error("all matrix products that this GPU might use fail: " + failure);
  contest.winner = winner->way;
  contest.microseconds = winner->microseconds;
  for (const Entrant& e : entrants) {
    const MatmulWay& way = ways[e.way];
    if (way.without_sums || way.engine == ways[contest.winner].engine) continue;
    const auto other = contest.others.try_emplace(way.engine->name(), e.microseconds).first;
    other->second = std::min(other->second, e.microseconds);
  }
  return contest;
}

}  // namespace quantring::cuda
