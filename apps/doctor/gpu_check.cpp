#include <fmt/format.h>

#include "apps/doctor/checks.h"
#include "apps/doctor/machine/library_finder.h"
#include "apps/doctor/text.h"
#include "ops/base/error.h"
#include "ops/device.h"

namespace quantring::apps {
namespace {

struct Library {
  const char* subject;
  std::vector<std::string> names;
  const char* package;  // of JetPack 6 and of NVIDIA's repository for CUDA 12.6
  const char* effect;   // of its absence; null: QuantRing does not use it
};

// Vendor 0x10de is NVIDIA, class 0x03.... a display or 3D controller.
bool has_pci_gpu(const SystemFiles& system) {
  const std::string folder = "/sys/bus/pci/devices/";
  for (const std::string& device : system.names(folder)) {
    if (system.text(folder + device + "/vendor") == "0x10de" &&
        system.text(folder + device + "/class").value_or("").starts_with("0x03")) {
      return true;
    }
  }
  return false;
}

bool has_nvidia_gpu(const SystemFiles& system) {
  return is_jetson(system) || has_pci_gpu(system) || system.exists("/proc/driver/nvidia/version") ||
         system.exists("/dev/nvidia0");
}

// The GPUs that this build can use; if none, reason says why.
std::vector<std::string> usable_gpus(std::string& reason) {
  std::vector<std::string> names;
  for (int i = 0;; ++i) {
    try {
      const Device device = choose_device(fmt::format("cuda:{}", i)).device;
      names.push_back(fmt::format("{} ({}), {} in use", device_text(device), device_name(device),
                                  gigabytes(device_bytes_in_use(device))));
    } catch (const Error& error) {
      if (i > 0) return names;
      reason = error.what();
      const std::string prefix = "--device cuda:0: ";
      if (reason.starts_with(prefix)) reason.erase(0, prefix.size());
      return names;
    }
  }
}

void check_driver(const SystemFiles& system, const LibraryFinder& libraries, FindingList& list) {
  const std::string library = libraries.find({"libcuda.so.1"});
  std::string version = value_of(system.text("/proc/driver/nvidia/version").value_or(""),
                                 "NVRM version");  // "NVIDIA UNIX aarch64 ... Module  540.4.0 ..."
  if (version.empty() && !library.empty()) version = library_version(library);
  if (!library.empty()) {
    return list.ok("driver", version.empty() ? library : fmt::format("{} ({})", version, library));
  }
  if (is_jetson(system)) {
    return list.problem("driver", "libcuda.so.1 is missing, so the CPU is used",
                        "sudo apt install nvidia-l4t-cuda; in a container start it with "
                        "--runtime nvidia");
  }
  list.warning(
      "driver", "libcuda.so.1 is missing, so the CPU is used",
      "install NVIDIA's driver; in a container start it with access to the GPU (--gpus all)");
}

void check_library(const Library& library, const LibraryFinder& libraries, FindingList& list) {
  const std::string path = libraries.find(library.names);
  if (!path.empty()) {
    const std::string version = library_version(path);
    const std::string note = library.effect == nullptr ? ", not used by QuantRing" : "";
    return list.ok(library.subject,
                   (version.empty() ? path : fmt::format("{} ({})", version, path)) + note);
  }
  const std::string remedy = fmt::format("sudo apt install {}", library.package);
  if (library.effect == nullptr) {
    return list.note(library.subject, "missing; QuantRing does not use it");
  }
  list.warning(library.subject, fmt::format("missing: {}", library.effect), remedy);
}

}  // namespace

std::vector<Finding> check_gpu(const SystemFiles& system) {
  FindingList list;
  std::string reason;
  const std::vector<std::string> gpus = usable_gpus(reason);
  for (const std::string& gpu : gpus) list.ok("device", gpu);
  const bool present = has_nvidia_gpu(system);
  if (gpus.empty() && !present) {
    list.note("device", "no NVIDIA GPU, so the CPU is used");
    return list.take();
  }
  if (gpus.empty()) {
    const bool built_without = reason.starts_with("this build has no CUDA");
    list.warning("device", fmt::format("there is an NVIDIA GPU, but the CPU is used: {}", reason),
                 built_without
                     ? "build it on this machine: make jetson on a Jetson, make cuda elsewhere "
                       "(docs/CUDA.md)"
                     : "see the messages in docs/CUDA.md");
  }
  const LibraryFinder libraries(system);
  check_driver(system, libraries, list);
  const Library known[] = {
      {"CUDA runtime", {"libcudart.so.12", "libcudart.so.13"}, "cuda-cudart-12-6", nullptr},
      {"cuBLASLt",
       {"libcublasLt.so.12", "libcublasLt.so.13"},
       "libcublas-12-6",
       "only QuantRing's own matrix products, slower for some shapes"},
      {"cuBLAS", {"libcublas.so.12", "libcublas.so.13"}, "libcublas-12-6", nullptr},
      {"cuDNN", {"libcudnn.so.9", "libcudnn.so.8"}, "libcudnn9-cuda-12", nullptr},
  };
  for (const Library& library : known) check_library(library, libraries, list);
  return list.take();
}

}  // namespace quantring::apps
