#pragma once
// What one run of the experiment leaves: a line for each micro-batch and one for each look at the
// ring, as CSV.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/codec/codec.h"

namespace quantring::bench {

struct BatchRecord {
  int batch = 0;  // number in the paper's schedule
  int phase = 0;
  double due_s = 0, submitted_s = 0, done_s = 0;  // since the run's start
  int images = 0;
  int right = 0, right_raw = 0;  // answers that are the label; of float32 in one process
  int agree = 0;                 // answers that are those of float32
  CodecSpec codec;               // on the link between the stages
};

struct Sample {
  double time_s = 0;
  int batch = 0;          // submitted last
  double shaped_bps = 0;  // 0: free
  int capacity = 0;       // net::Capacity
  double capacity_bps = 0;
  double bits = 0;  // an element, of the link's last frame
  int images_done = 0;
  int images_waiting = 0;  // due and not submitted yet
};

struct Run {
  std::string policy;
  double rate = 0;  // target, images/s
  bool quick = false;
  std::vector<BatchRecord> batches;  // those that were submitted, in order
  std::vector<Sample> samples;
};

// FOLDER/POLICY-batches.csv and FOLDER/POLICY-samples.csv. Throw Error naming the file.
void write_run(const std::string& folder, const Run& run);
Run read_run(const std::string& folder, const std::string& policy);
bool has_run(const std::string& folder, const std::string& policy);

}  // namespace quantring::bench
