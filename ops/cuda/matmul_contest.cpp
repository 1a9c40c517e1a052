#include "ops/cuda/matmul_contest.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "ops/cuda/elementwise.h"
#include "ops/cuda/error.h"
#include "ops/cuda/matmul_trial.h"

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

// The engine, and whether the norm is apart.
std::string kind_of(const MatmulWay& way) {
  return std::string(way.engine->name()) + (way.norm_apart ? "+norm" : "");
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool faster(const Entrant& a, const Entrant& b) {
  return a.microseconds < b.microseconds;
}

}  // namespace

MatmulCall without_norm(const MatmulCall& call) {
  MatmulCall product = call;
  product.norm = false;
  product.x = call.normed;
  product.x_dtype = call.layer->dtype;
  return product;
}

void enqueue(const Queue& queue, const MatmulCall& call, const MatmulWay& way) {
  if (!way.norm_apart || !call.norm) return way.engine->run(call, way.candidate);
  layer_norm(queue, call.x, call.x_dtype, {call.gamma, call.beta}, call.eps, call.rows,
             call.layer->in, call.normed, call.layer->dtype);
  way.engine->run(without_norm(call), way.candidate);
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
    return [&queue, &ways, way](const MatmulCall& c) {
      enqueue(queue, c, ways[way]);
      if (!wants_sums(c) || !ways[way].norm_apart) return;
      layer_norm(queue, c.y, c.y_dtype, {}, 1e-6f, c.rows, c.layer->out, c.normed, c.y_dtype);
    };
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

  // The best ones again, longer and in turn, so that a clock that changes meets all of them.
  const auto end = std::find_if(
      entrants.begin() + 1,
      entrants.begin() + static_cast<std::ptrdiff_t>(std::min(most_finalists, entrants.size())),
      [&](const Entrant& e) { return e.microseconds > close * best; });
  for (auto e = entrants.begin(); e != end; ++e) {
    e->recording = trial.record(run(e->way), 1000, e->microseconds);
  }
  for (int round = 0; round < final_rounds; ++round) {
    for (auto e = entrants.begin(); e != end; ++e) {
      e->times.push_back(trial.microseconds(e->recording));
    }
  }
  for (auto e = entrants.begin(); e != end; ++e) e->microseconds = median(e->times);
  std::stable_sort(entrants.begin(), end, faster);

  contest.winner = entrants.front().way;
  contest.microseconds = entrants.front().microseconds;
  for (const Entrant& e : entrants) {
    const std::string kind = kind_of(ways[e.way]);
    if (kind != kind_of(ways[contest.winner])) contest.others.try_emplace(kind, e.microseconds);
  }
  return contest;
}

}  // namespace quantring::cuda
