#pragma once
// Activation and pooling in words: as flags say them, and as findings do.

#include <string>

#include "engine/model/architecture.h"
#include "weights_tools/inspect/findings.h"

namespace quantring::weights {

const char* pooling_text(Pooling pooling);
const char* activation_text(Activation activation);

// The values of --activation and --pooling. Throw Error for another word.
Fact<Activation> activation_hint(const std::string& name);
Fact<Pooling> pooling_hint(const std::string& name);

// The classifier has a part for each of two inputs, so its pooling is no choice.
bool has_two_heads(Pooling pooling);

}  // namespace quantring::weights
