#include "apps/session/probe_worker.h"

#include <unistd.h>

#include <array>
#include <thread>

#include "apps/commands/compute_options.h"
#include "apps/doctor/memory_info.h"
#include "engine/model/model_file.h"

namespace quantring::apps {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
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
  const MemoryInfo memory = read_memory_info(SystemFiles());
  report_.memory_bytes = memory.total_bytes;
  report_.free_bytes = memory.available_bytes;
  return probe_report_json(report_);
}

}  // namespace quantring::apps
