#pragma once
// One run of `classify`: source -> preprocess -> batches -> classifier -> answers.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/report/output.h"
#include "apps/session/output_history.h"
#include "apps/session/ring_request.h"
#include "engine/model/architecture.h"
#include "net/wire/stats.h"

namespace quantring::apps {

struct ClassifyOptions {
  std::string source;
  std::string model;
  RingRequest ring;
  std::string labels;     // CSV or IDX file; empty: only labels found beside an IDX source
  int batch = 8;          // images a frame
  std::size_t limit = 0;  // images at most; 0: all
  int top = 3;
  bool json = false;
  bool quiet = false;       // no line per image
  std::string logits_file;  // safetensors file to write: logits f32 [images, classes]; empty: none
  std::string report_file;  // the closing report as JSON; empty: none
};

struct ClassifySummary {
  std::string model;  // path
  std::uint64_t images = 0, unreadable = 0;
  std::uint64_t labelled = 0, top1 = 0, top5 = 0;  // of the labelled
  double seconds = 0;                              // from the first submission to the last result
  std::vector<StageRange> ranges;                  // of the ring's stages; empty without a ring
  net::RingStats ring;                             // exact; empty without a ring
  ControllerOptions links;                         // what the senders were told
  OutputHistories outputs;                         // one a stage; empty without a ring

  double images_per_s() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }
  double top1_percent() const { return percent(top1); }
  double top5_percent() const { return percent(top5); }

 private:
  double percent(std::uint64_t right) const {
    return labelled == 0 ? 0 : 100.0 * static_cast<double>(right) / static_cast<double>(labelled);
  }
};

// Counts one answer, and whether it was right where that is known. logits: of its image.
void count(const Answer& answer, std::span<const float> logits, ClassifySummary& summary);

// Answers go to stdout, progress and unreadable pictures to stderr. A picture that cannot be read
// is said and counted, and the run goes on. Throws Error for everything else.
ClassifySummary run_classify(const ClassifyOptions& options);

}  // namespace quantring::apps
