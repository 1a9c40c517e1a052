#pragma once
// What to write instead of a line that is no TOML.

#include <string>

namespace quantring {

// "write text in quotes: model = \"deit.safetensors\"". Empty where the line shows no mistake that
// is known here.
std::string toml_hint(const std::string& line);

}  // namespace quantring
