#pragma once
// Where the sources and the built programs are.

#include <string>

namespace quantring::test {

std::string source_path(const std::string& relative);  // of this repository: "models/README.md"
std::string built_path(const std::string& relative);   // of the build folder: "quantring"

}  // namespace quantring::test
