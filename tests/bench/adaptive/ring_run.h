#pragma once
// One run: an open stream of pictures through the two stages while their link is shaped.

#include <string>

#include "engine/model/model_file.h"
#include "tests/bench/adaptive/experiment.h"
#include "tests/bench/adaptive/photos.h"
#include "tests/bench/adaptive/records.h"

namespace quantring::bench {

struct Setting {
  std::string program;  // `quantring`
  std::string model_path;
  const ModelFile& model;
  const Photos& photos;
  std::string folder;  // for logs
  bool quick = false;
};

// Images/s that the two stages hold on a free link in float32, the head beside them.
double measure_rate(const Setting& setting);

// `rate` images/s are due; what a stage cannot take at once waits and is caught up. Pictures go
// round. The link changes when a phase's first micro-batch is submitted. A phase ends early after
// 1.5 times its nominal duration: what of it is still waiting is dropped then.
Run run_policy(const Setting& setting, const PolicyChoice& policy, double rate);

}  // namespace quantring::bench
