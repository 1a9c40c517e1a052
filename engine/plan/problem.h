#pragma once
// What the planner is given: a model as a list of parts, devices, and the links between them.
//
// Quantities are of one micro-batch unless stated otherwise: seconds, bytes. Boundary b lies before
// part b: boundary 0 is the input (head -> first stage), boundary parts.size() the output (last
// stage -> head), and a cut at b ends one stage before part b and begins the next with it.

#include <cstddef>
#include <string>
#include <vector>

#include "engine/codec/codec.h"

namespace quantring {

// The smallest unit that a device is given: a half-block, with embedding or head at the ends.
struct PlanPart {
  double weight_bytes = 0;  // in f32
  double parameters = 0;
};

// One way to code a boundary's tensor.
struct PlanPoint {
  std::size_t codec = 0;   // in PlanProblem::codecs
  double bytes = 0;        // with the frame's header
  double agreement = 100;  // of answers if this link alone were coded, percent
};

struct PlanBoundary {
  std::vector<PlanPoint> points;  // finest first; empty: no cut here
  double sender_bytes = 0;        // memory for it in the stage before
  double receiver_bytes = 0;      // and in the stage behind
};

struct PlanDevice {
  std::string name;
  std::vector<double> part_s;              // one for each part
  std::vector<double> encode_s, decode_s;  // one for each of PlanProblem::codecs
  double stage_s = 0;        // a stage's time besides its parts and coding: launch, frames
  double memory_bytes = 0;   // that a stage may use; 0: no limit
  double process_bytes = 0;  // of a stage before weights and buffers
  double weight_scale = 1;   // bytes of loaded weights, as a share of f32
  double max_share = 1;      // of the model's parameters, at most
};

// In one direction.
struct PlanLink {
  double bits_per_s = 0;  // of payload; 0: unlimited
  double round_trip_s = 0;
};

enum class PlanGoal : unsigned char { throughput, latency };

struct PlanProblem {
  int images = 1;  // in a micro-batch
  std::vector<PlanPart> parts;
  std::vector<PlanBoundary> boundaries;  // parts.size() + 1
  std::vector<CodecSpec> codecs;
  std::vector<PlanDevice> devices;
  // [devices.size() + 1][devices.size() + 1], from and to; the last index is the head.
  std::vector<std::vector<PlanLink>> links;
  PlanGoal goal = PlanGoal::throughput;
  double floor = 0;  // of the agreement of a ring's answers: product over its links, percent
  bool fixed_order = false;  // one chain of all devices, in the order given
  bool all_devices = false;  // every device must run a stage
  int max_rings = 0;         // rings side by side; 0: no limit

  std::size_t head() const { return devices.size(); }
};

// Throws Error naming the field: sizes that do not fit each other, numbers that are negative or not
// finite.
void check_problem(const PlanProblem& problem);

}  // namespace quantring
