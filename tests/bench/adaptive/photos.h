#pragma once
// The pictures of the experiment, preprocessed once up front, and what the model answers to them
// without any coding.

#include <cstddef>
#include <string>
#include <vector>

#include "engine/model/model_file.h"

namespace quantring::bench {

struct Photos {
  std::vector<std::vector<std::byte>> pixels;  // of each, as stage 0 takes them
  std::vector<int> labels;                     // -1: not known
  std::vector<int> answers;                    // first class, of one process in float32
};

// Throws Error when a picture cannot be read.
Photos load_photos(const std::string& source, const std::string& labels, const ModelFile& model);

int first_class(const float* logits, int classes);

}  // namespace quantring::bench
