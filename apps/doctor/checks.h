#pragma once
// The checks of `quantring doctor`. Each looks at one part of the machine and never throws for what
// it finds there.

#include <optional>
#include <string>
#include <vector>

#include "apps/doctor/findings.h"
#include "apps/doctor/ring_probe.h"
#include "apps/doctor/system_files.h"
#include "apps/session/ring_config.h"
#include "engine/camera/v4l2_list.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

// kernels: name of the set that ops/cpu/kernels.h chose.
std::vector<Finding> check_cpu(const SystemFiles& system, const std::string& kernels);

// need_bytes: of the model on this machine, 0 when there is none.
std::vector<Finding> check_memory(const SystemFiles& system, std::uint64_t need_bytes);

// GPUs through ops/device.h; driver and libraries by their files.
std::vector<Finding> check_gpu(const SystemFiles& system);

bool is_jetson(const SystemFiles& system);
std::vector<Finding> check_jetson(const SystemFiles& system);  // empty elsewhere

// A program that reads cameras for us.
struct CameraPrograms {
  bool gst_launch = false, ffmpeg = false;
  bool argus_source = false;  // GStreamer has nvarguscamerasrc
};
CameraPrograms find_camera_programs();  // takes a few seconds at most
std::vector<Finding> check_cameras(const SystemFiles& system, const std::vector<V4l2Info>& cameras,
                                   const CameraPrograms& programs);

// The file with every tensor's bytes. model: opened, when it is usable.
std::vector<Finding> check_model(const std::string& path, std::optional<ModelFile>& model);

// Memory that a stage's weights take where they are computed with in f32, in bytes.
std::uint64_t weight_bytes(const Architecture& architecture, StageRange range);

// What the probes of a ring say. model: the head's, or null; whole: null when it was not tried.
std::vector<Finding> check_nodes(const RingConfig& ring, const ModelFile* model,
                                 const std::vector<NodeProbe>& nodes, const WholeRingProbe* whole);
std::vector<Finding> check_links(const RingConfig& ring, const WholeRingProbe& whole);

}  // namespace quantring::apps
