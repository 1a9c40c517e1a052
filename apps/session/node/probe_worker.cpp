#include "apps/session/node/probe_worker.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "apps/session/compute.h"
#include "engine/model/model_file.h"

namespace quantring {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

// A line of /proc/meminfo, "MemTotal:  16332104 kB"; 0 when the kernel does not tell.
std::uint64_t memory_bytes(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (file >> word) {
    std::uint64_t kilobytes = 0;
    if (word == key && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

ProbeWorker::ProbeWorker(const std::string& model_path, const ContextOptions& compute) {
  const ModelFile model(model_path);
  report_.model_hash = model.hash();
  report_.part = model.part();
  report_.half_blocks = model.architecture().half_blocks();
  report_.compute = compute_text(compute);
  report_.host = host_name();
  report_.cores = static_cast<int>(std::thread::hardware_concurrency());
}

std::string ProbeWorker::stats_json() {
  report_.memory_bytes = memory_bytes("MemTotal:");
  report_.free_bytes = memory_bytes("MemAvailable:");
  return probe_report_json(report_);
}

}  // namespace quantring
