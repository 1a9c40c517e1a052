#pragma once
// Golden data that is not in the repository (real weights, photos): $QUANTRING_DATA, else
// ../shared.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/paths.h"

namespace quantring::test {

// The file, or nothing after a message that the test is skipped.
inline std::optional<std::filesystem::path> golden(const std::string& name) {
  const char* const variable = std::getenv("QUANTRING_DATA");
  const std::filesystem::path folder =
      variable != nullptr ? std::filesystem::path(variable)
                          : std::filesystem::path(source_path("")) / ".." / "shared";
  if (std::filesystem::exists(folder / name)) return folder / name;
  std::printf("SKIPPED: %s is neither in $QUANTRING_DATA nor in ../shared\n", name.c_str());
  return std::nullopt;
}

// A temporary folder, removed by the destructor.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "quantring-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace quantring::test
