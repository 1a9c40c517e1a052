#pragma once
// The preprocessing of a converted model, from flags and the files beside the checkpoint.

#include <vector>

#include "weights_tools/base/findings.h"
#include "weights_tools/plan/hints.h"

namespace quantring::weights {

// architecture: image size and channels are final. Appends to findings each value with its source.
// A resize that the files give for another image size is scaled, as the finding then says. Throws
// OptionError naming the flag that is missing (MissingFacts, which suggests the usual values for
// this kind of model) or invalid, Error for invalid values of files.
PreprocessConfig infer_preprocess(const Architecture& architecture, const ConfigFacts& config,
                                  const ConvertHints& hints, std::vector<Finding>& findings);

}  // namespace quantring::weights
