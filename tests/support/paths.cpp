#include "tests/support/paths.h"

namespace quantring::test {

std::string source_path(const std::string& relative) {
  return QUANTRING_SOURCE_DIR "/" + relative;
}

std::string built_path(const std::string& relative) {
  return QUANTRING_BINARY_DIR "/" + relative;
}

}  // namespace quantring::test
