#include "apps/commands/evaluate_two_fold.h"

#include <fmt/format.h>

#include <array>

#include "engine/calibration/klt_calibration.h"
#include "ops/base/error.h"

namespace quantring::apps {

void evaluate_two_fold(const ModelFile& model, const PictureSet& pictures, EvaluationPlan plan,
                       Context& cpu, Context& context, Progress& progress, EvaluateReport& report) {
  if (pictures.size() < 4) throw OptionError("--two-fold needs at least 4 pictures");
  std::array<PictureSet, 2> halves;
  for (std::size_t i = 0; i < pictures.size(); ++i) halves[i % 2].add(pictures, i);
  for (std::size_t fold = 0; fold < 2; ++fold) {
    const PictureSet& learned = halves[fold];
    const auto tables =
        calibrate_klt(cpu, model, learned.pixels, learned.size(), {.cuts = plan.cuts},
                      [&](double done, const std::string& what) {
                        if (progress.due())
                          progress.show(fmt::format("half {}: calibrating, {:.0f} % ({})", fold + 1,
                                                    100 * done, what));
                      });
    plan.tables = &tables;
    Evaluation evaluation(context, model, plan);
    evaluate_set(
        evaluation, halves[1 - fold], plan.max_images, [&](std::size_t done, std::size_t passes) {
          if (progress.due())
            progress.show(fmt::format("half {}: {} of {} pictures, pass {}/{}", fold + 1, done,
                                      halves[1 - fold].size(), passes, evaluation.passes()));
        });
    if (fold == 0) {
      report.baseline = evaluation.baseline();
      report.points = evaluation.points();
      continue;
    }
    report.baseline += evaluation.baseline();
    for (std::size_t i = 0; i < report.points.size(); ++i)
      report.points[i] += evaluation.points()[i];
  }
}

}  // namespace quantring::apps
