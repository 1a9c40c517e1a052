#include "apps/session/run_summary.h"

#include <algorithm>

#include "engine/stage/topk.h"

namespace quantring {

void RunSummary::count(int label, std::span<const float> logits, float threshold) {
  ++images;
  if (label < 0) return;
  ++labelled;
  if (logits.size() == 1) {
    const bool right = (sigmoid(logits[0]) >= threshold) == (label == 1);
    top1 += right;
    top5 += right;
    return;
  }
  const auto top = top_k(logits, 5);
  const int first = top.empty() ? -1 : top[0].index;
  top1 += first == label;
  class_before += first + 1 == label;
  class_after += first == label + 1;
  top5 +=
      std::any_of(top.begin(), top.end(), [&](const Prediction& p) { return p.index == label; });
}

}  // namespace quantring
