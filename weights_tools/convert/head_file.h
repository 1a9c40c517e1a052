#pragma once
// A classifier that comes in a file of its own, as DINOv2's linear heads and most people's linear
// probes do.

#include <memory>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// The features' checkpoint with the head's two tensors beside its own, named as timm names them:
// head.weight [classes, dim] and head.bias [classes], behind the wrapper that the features' names
// have, if any. The head's file must hold one matrix and at most one vector, by whatever names.
// Throws Error naming the file.
std::unique_ptr<Checkpoint> attach_head(std::unique_ptr<Checkpoint> features,
                                        OpenedCheckpoint head);

}  // namespace quantring::weights
