#pragma once
// Shared libraries by their files: no library is loaded, so that a static program can look too.

#include <string>
#include <vector>

#include "apps/doctor/system_files.h"

namespace quantring::apps {

class LibraryFinder {
 public:
  // Looks in LD_LIBRARY_PATH, in what /etc/ld.so.conf.d names, in the system's folders and in
  // CUDA's.
  explicit LibraryFinder(const SystemFiles& system);

  // The path of the first name that is there, followed to the file itself, which mostly has the
  // version in its name; empty if there is none.
  std::string find(const std::vector<std::string>& names) const;

 private:
  const SystemFiles& system_;
  std::vector<std::string> folders_;
};

// "libcublasLt.so.12.6.1.4" -> "12.6.1.4"; empty when the name has none.
std::string library_version(const std::string& path);

}  // namespace quantring::apps
