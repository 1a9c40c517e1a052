#pragma once
// One run of `classify`: pictures of files through the pipeline, answers to the terminal.

#include <cstddef>
#include <string>
#include <vector>

#include "apps/commands/end_signals.h"
#include "apps/options/model_options.h"
#include "apps/options/ring_request.h"
#include "apps/session/run_summary.h"

namespace quantring::apps {

struct ClassifyOptions {
  std::vector<std::string> sources;  // as for FileFrames
  std::string model;
  RingRequest ring;
  std::string labels;     // CSV or IDX file; empty: only labels found beside an IDX source
  int batch = 8;          // images a frame
  std::size_t limit = 0;  // images at most; 0: all
  int top = 3;
  ClassOptions classes;
  bool json = false;
  bool quiet = false;       // no line per image
  std::string logits_file;  // safetensors file to write: logits f32 [images, classes]; empty: none
  std::string report_file;  // the closing report as JSON; empty: none
};

// Answers go to stdout, progress and unreadable pictures to stderr. An unreadable picture is
// reported and counted, and the run goes on. Throws Error for everything else. At one of the
// signals, if given, no more pictures are read, and what is under way is answered.
RunSummary run_classify(const ClassifyOptions& options, EndSignals* signals = nullptr);

}  // namespace quantring::apps
