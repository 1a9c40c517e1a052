#pragma once
// Activation and pooling as text in findings, and as values of flags.

#include <string>

#include "engine/model/architecture.h"
#include "weights_tools/base/findings.h"

namespace quantring::weights {

const char* pooling_text(Pooling pooling);
const char* activation_text(Activation activation);

// Parses the values of --activation and --pooling. Throw OptionError for others.
Fact<Activation> activation_hint(const std::string& name);
Fact<Pooling> pooling_hint(const std::string& name);

}  // namespace quantring::weights
