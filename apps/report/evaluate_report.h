#pragma once
// What `evaluate` measured, as tables, JSON, CSV, a picture and a ladder.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/evaluation/evaluation.h"
#include "engine/control/ladder.h"

namespace quantring::apps {

struct EvaluateReport {
  std::string model;         // path
  std::string compute;       // "cpu, f32, 2 threads"
  std::uint64_t images = 0;  // evaluated
  std::uint64_t unreadable = 0;
  double seconds = 0;
  bool together = false;     // every cut coded at once
  std::vector<int> cuts;     // half-blocks
  EvaluationPoint baseline;  // raw32
  std::vector<EvaluationPoint> points;
};

// Table 1 of QuantPipe: codecs by bits, top-1 if there are labels, and agreement; then all that was
// measured of every point.
std::string evaluate_tables(const EvaluateReport& report);

// One object: what was measured of every point, its mean and every cut. Without labels there is no
// top1 and top5.
std::string evaluate_json(const EvaluateReport& report);

// A line for every point and cut, and for its mean; the first names the columns.
std::string evaluate_csv(const EvaluateReport& report);

// Top-1, or without labels agreement, against bytes per image; SVG.
std::string evaluate_svg(const EvaluateReport& report);

// raw32 and all points that are not beaten by a smaller one.
Ladder evaluate_ladder(const EvaluateReport& report);

}  // namespace quantring::apps
