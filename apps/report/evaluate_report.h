#pragma once
// Results of `evaluate` as tables, JSON, CSV, SVG and a ladder.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/control/ladder.h"
#include "engine/evaluation/evaluation.h"

namespace quantring::apps {

struct EvaluateReport {
  std::string model;         // path
  std::string compute;       // "cpu, f32, 2 threads"
  std::uint64_t images = 0;  // evaluated
  std::uint64_t unreadable = 0;
  double seconds = 0;
  bool together = false;     // all cuts coded at once
  std::vector<int> cuts;     // half-blocks
  EvaluationPoint baseline;  // raw32
  std::vector<EvaluationPoint> points;
};

// As in QuantPipe's Table 1: codecs by bits, top-1 (with labels) and agreement; then every measure
// of every point.
std::string evaluate_tables(const EvaluateReport& report);

// One object with every measure of every point, as a mean and per cut. top1 and top5 only with
// labels.
std::string evaluate_json(const EvaluateReport& report);

// A header line, then a line per point for the mean and for each cut.
std::string evaluate_csv(const EvaluateReport& report);

// Top-1 (without labels: agreement) against bits per element.
std::string evaluate_svg(const EvaluateReport& report);

// raw32 and every point that no smaller point beats. Agreement: of the pictures, with few of them
// also from the KL divergence.
Ladder evaluate_ladder(const EvaluateReport& report);

}  // namespace quantring::apps
