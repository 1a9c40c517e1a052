#pragma once
// A classifier in a separate file, as DINOv2's linear heads and linear probes have.

#include <memory>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// The features' checkpoint with the two tensors of the head added under timm's names: head.weight
// [classes, dim] and head.bias [classes], with the prefix that all names of the features have, if
// any. The head's file must hold one matrix and at most one vector, under any names. Throws Error
// naming the file, OptionError if the features have a classifier already.
std::unique_ptr<Checkpoint> attach_head(std::unique_ptr<Checkpoint> features,
                                        OpenedCheckpoint head);

}  // namespace quantring::weights
