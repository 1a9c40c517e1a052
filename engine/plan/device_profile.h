#pragma once
// What one device needs for the parts of one model, as measured: input of the planner and of the
// simulator. JSON: docs/JSON.md, quantring.profile/1.

#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/model/architecture.h"

namespace quantring {

// Times of one micro-batch, seconds: means over the measurement, so that a device that is throttled
// part of the time counts as slow as it is.
struct PartTimes {
  int images = 1;
  double embedding_s = 0;
  double attention_s = 0;  // half a block
  double mlp_s = 0;        // the other half
  double head_s = 0;       // final norm and head
  double noise = 0;        // relative spread of repeated measurements: 0.03 is 3 %
};

// Of the residual stream of one image, seconds.
struct CodingTimes {
  CodecSpec codec;
  double encode_s = 0, decode_s = 0;
};

struct DeviceProfile {
  std::string model_hash;
  std::string host, device;  // "orin-1"; "cuda:0 (Orin), f16", "CPU, f32, 4 threads"
  std::string version;       // of the software
  Architecture architecture;
  std::vector<PartTimes> parts;  // ascending images, at least one
  std::vector<CodingTimes> coding;
  double frame_s = 0;           // per micro-batch for receiving and sending a frame
  double memory_bytes = 0;      // of the machine (of a GPU with memory of its own: that)
  double free_bytes = 0;        // when it was measured
  double process_bytes = 0;     // of a node before it has loaded a stage
  double weight_scale = 1;      // bytes of loaded weights, as a share of f32
  double activation_bytes = 0;  // of a stage, for one image
};

std::string profile_to_json(const DeviceProfile& profile);
DeviceProfile profile_from_json(const std::string& text);  // throws Error naming the field

// Interpolated between measured micro-batches; beyond them in proportion to images.
PartTimes times_at(const DeviceProfile& profile, int images);

}  // namespace quantring
