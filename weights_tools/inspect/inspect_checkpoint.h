#pragma once
// The contents of a checkpoint, as text or as JSON.

#include <filesystem>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

// path: as the user gave it; appears in the text.
std::string inspect_checkpoint_text(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint);
std::string inspect_checkpoint_json(const std::filesystem::path& path,
                                    const Checkpoint& checkpoint);

}  // namespace quantring::weights
