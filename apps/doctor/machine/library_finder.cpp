#include "apps/doctor/machine/library_finder.h"

#include <cstdlib>
#include <sstream>

namespace quantring::apps {

LibraryFinder::LibraryFinder(const SystemFiles& system) : system_(system) {
  // The environment is that of this machine, not of another root.
  const char* path = system.real() ? std::getenv("LD_LIBRARY_PATH") : nullptr;
  std::istringstream parts(path != nullptr ? path : "");
  for (std::string part; std::getline(parts, part, ':');) {
    if (!part.empty()) folders_.push_back(part);
  }
  const std::string configured = "/etc/ld.so.conf.d/";
  for (const std::string& file : system.names(configured)) {
    for (const std::string& line : lines_of(system.text(configured + file).value_or(""))) {
      if (!line.empty() && line[0] == '/') folders_.push_back(line);
    }
  }
  for (const char* folder :
       {"/usr/lib/aarch64-linux-gnu/nvidia", "/usr/lib/aarch64-linux-gnu/tegra",
        "/usr/lib/aarch64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib",
        "/usr/local/lib", "/usr/local/cuda/lib64", "/usr/lib/wsl/lib"}) {
    folders_.emplace_back(folder);
  }
}

std::string LibraryFinder::find(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    for (const std::string& folder : folders_) {
      const std::string path = folder + "/" + name;
      if (system_.exists(path)) return system_.target(path);
    }
  }
  return {};
}

std::string library_version(const std::string& path) {
  const auto at = path.rfind(".so.");
  return at == std::string::npos ? std::string() : path.substr(at + 4);
}

}  // namespace quantring::apps
