#pragma once
// A model file with random weights, for benchmarks of a model's shape and for tests.

#include <cstdint>
#include <filesystem>

#include "engine/model/architecture.h"
#include "engine/model/model_writer.h"

namespace quantring {

// Weights are uniform with variance 1 / fan-in, so that activations keep their scale through all
// blocks. Preprocessing: no resize, mean and std 0.5. The same seed gives the same file.
void write_random_model(const std::filesystem::path& path, const Architecture& architecture,
                        StorageType storage, std::uint32_t seed);

// Shapes by name: "deit_tiny", "vit_base", "vit_large" (224x224, patches 16x16, 1000 classes).
// Throws Error for others.
Architecture named_architecture(const std::string& name);

}  // namespace quantring
