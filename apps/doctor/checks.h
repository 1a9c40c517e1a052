#pragma once
// The checks of `quantring doctor`. Each examines one part of the machine and reports what it finds
// as findings, not as exceptions.

#include <optional>
#include <string>
#include <vector>

#include "apps/doctor/findings.h"
#include "apps/doctor/machine/system_files.h"
#include "apps/doctor/ring_probe.h"
#include "apps/session/ring/ring_config.h"
#include "engine/camera/v4l2/v4l2_list.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

// kernels: name of the instruction set chosen by ops/cpu/kernels.h.
std::vector<Finding> check_cpu(const SystemFiles& system, const std::string& kernels);

// need_bytes: memory the model needs on this machine; 0: no model.
std::vector<Finding> check_memory(const SystemFiles& system, std::uint64_t need_bytes);

// GPUs through ops/device.h; the driver and libraries by their files.
std::vector<Finding> check_gpu(const SystemFiles& system);

bool is_jetson(const SystemFiles& system);
std::vector<Finding> check_jetson(const SystemFiles& system);  // empty elsewhere

// Installed programs that read cameras.
struct CameraPrograms {
  bool gst_launch = false, ffmpeg = false;
  bool argus_source = false;  // GStreamer has nvarguscamerasrc
};
CameraPrograms find_camera_programs();  // takes up to 10 s
std::vector<Finding> check_cameras(const SystemFiles& system, const std::vector<V4l2Info>& cameras,
                                   const CameraPrograms& programs);

// Reads the whole file. model: set if the file is usable.
std::vector<Finding> check_model(const std::string& path, std::optional<ModelFile>& model);

// Memory of a stage's weights in f32, in bytes.
std::uint64_t weight_bytes(const Architecture& architecture, StageRange range);

// Findings from the probes of a ring. model: the head's, or null; whole: null if not tried.
std::vector<Finding> check_nodes(const RingConfig& ring, const ModelFile* model,
                                 const std::vector<NodeProbe>& nodes, const WholeRingProbe* whole);
std::vector<Finding> check_links(const RingConfig& ring, const WholeRingProbe& whole);

}  // namespace quantring::apps
