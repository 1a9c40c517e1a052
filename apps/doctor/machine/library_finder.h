#pragma once
// Finds shared libraries by their files, without loading them, so that it works in a static
// program.

#include <string>
#include <vector>

#include "apps/doctor/machine/system_files.h"

namespace quantring::apps {

class LibraryFinder {
 public:
  // Searches LD_LIBRARY_PATH, the folders of /etc/ld.so.conf.d, and those of the system and CUDA.
  explicit LibraryFinder(const SystemFiles& system);

  // The path of the first name found, with links resolved, as the target's name usually has the
  // version; empty if none is found.
  std::string find(const std::vector<std::string>& names) const;

 private:
  const SystemFiles& system_;
  std::vector<std::string> folders_;
};

// "libcublasLt.so.12.6.1.4" -> "12.6.1.4"; empty if the name has none.
std::string library_version(const std::string& path);

}  // namespace quantring::apps
