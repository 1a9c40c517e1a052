#pragma once
// Evaluation of codecs that are calibrated: on one half of the pictures, measured on the other.

#include "apps/commands/picture_set.h"
#include "apps/report/evaluate_report.h"

namespace quantring::apps {

// Both ways, so that every picture counts once. Fills the baseline and the points of the report.
// cpu: a context of the CPU, for the calibration. Throws Error if there are fewer than 4 pictures.
void evaluate_two_fold(const ModelFile& model, const PictureSet& pictures, EvaluationPlan plan,
                       Context& cpu, Context& context, Progress& progress, EvaluateReport& report);

}  // namespace quantring::apps
