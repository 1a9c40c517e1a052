// Figures of each phase out of a run's records.

#include <algorithm>

#include "net/wire/stats.h"
#include "tests/bench/adaptive/experiment.h"
#include "tests/bench/adaptive/summary.h"

namespace quantring::bench {
namespace {

constexpr int window = 50;  // micro-batches; ControllerOptions'

// Images done at a moment; between two results as if they came evenly.
double images_done(const Run& run, double time_s) {
  const auto& batches = run.batches;
  const auto next =
      std::upper_bound(batches.begin(), batches.end(), time_s,
                       [](double time, const BatchRecord& batch) { return time < batch.done_s; });
  const auto count = static_cast<double>(next - batches.begin());
  if (next == batches.begin() || next == batches.end()) return count * micro_batch;
  const double before = std::prev(next)->done_s;
  return (count + (time_s - before) / (next->done_s - before)) * micro_batch;
}

double percent_of_target(const Run& run, double begin_s, double end_s) {
  if (end_s <= begin_s) return 0;
  const double done = images_done(run, end_s) - images_done(run, begin_s);
  return 100 * done / (end_s - begin_s) / run.rate;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void look_at_samples(const Run& run, double begin_s, double settled_s, double end_s,
                     PhaseFigures& f) {
  std::vector<double> shaped, measured;
  for (const Sample& sample : run.samples) {
    if (sample.time_s < begin_s || sample.time_s >= end_s) continue;
    shaped.push_back(sample.shaped_bps * 1e-6);
    if (sample.time_s >= settled_s && sample.capacity == static_cast<int>(net::Capacity::measured))
      measured.push_back(sample.capacity_bps * 1e-6);
  }
  f.shaped_mbps = median(shaped);
  f.measured_mbps = median(measured);
}

void count_batches(const Run& run, int phase, const Phase& plan, PhaseFigures& f) {
  int images = 0, right = 0, right_raw = 0, agree = 0, batches = 0, last = -1;
  for (std::size_t i = 0; i < run.batches.size(); ++i) {
    const BatchRecord& batch = run.batches[i];
    if (batch.phase != phase) continue;
    ++batches;
    images += batch.images;
    right += batch.right;
    right_raw += batch.right_raw;
    agree += batch.agree;
    f.bits += width_bits(batch.codec);
    f.most_late_s = std::max(f.most_late_s, batch.done_s - batch.due_s);
    last = batch.batch;
    if (i == 0 || batch.codec == run.batches[i - 1].codec) continue;
    ++f.changes;
    f.late_changes += batch.batch >= plan.first + window;
  }
  if (batches == 0) return;
  f.bits /= batches;
  f.top1 = 100.0 * right / images;
  f.top1_raw = 100.0 * right_raw / images;
  f.agreement = 100.0 * agree / images;
  f.ended_early = last + 1 < plan.end;
}

}  // namespace

std::vector<PhaseFigures> figures(const Run& run) {
  const auto phases = paper_phases(run.quick);
  const double interval = micro_batch / run.rate;
  std::vector<PhaseFigures> all(phases.size());
  for (std::size_t p = 0; p < phases.size(); ++p) {
    const auto start_of = [&](std::size_t phase) {
      for (const BatchRecord& batch : run.batches)
        if (batch.phase == static_cast<int>(phase)) return batch.submitted_s;
      return run.batches.back().submitted_s + interval;
    };
    const double begin = start_of(p), end = start_of(p + 1), settled = begin + window * interval;
    PhaseFigures& f = all[p];
    look_at_samples(run, begin, settled, end, f);
    f.rate_percent = percent_of_target(run, begin, end);
    f.settled_percent = percent_of_target(run, settled, end);
    count_batches(run, static_cast<int>(p), phases[p], f);
  }
  return all;
}

}  // namespace quantring::bench
