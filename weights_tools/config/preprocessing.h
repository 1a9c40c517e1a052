#pragma once
// How pictures become pixels for a converted model: flags first, then the files beside it; what
// neither says is asked for.

#include <vector>

#include "weights_tools/inspect/findings.h"
#include "weights_tools/config/hints.h"

namespace quantring::weights {

// architecture: image size and channels as they will be written. Appends what was found, and from
// where, to findings. A resize that the files give for another image size is scaled with it, and
// the finding says so. Throws Error naming the flag that is missing or wrong, with the usual values
// for that kind of model as a suggestion.
PreprocessConfig infer_preprocess(const Architecture& architecture, const ConfigFacts& config,
                                  const ConvertHints& hints, std::vector<Finding>& findings);

}  // namespace quantring::weights
