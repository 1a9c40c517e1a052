#pragma once
// Frames without meaning, to measure a stage and to warm it up.

#include <cstdint>

#include "engine/stage/stage_runner.h"

namespace quantring::apps {

// What a stage takes: random pixels for the first, a random residual stream in raw32 for others.
CodedTensor random_input(const Stage& stage, const Architecture& architecture,
                         std::uint32_t images);

// Lets a GPU choose its kernels for the largest batch now, so that the first frame does not wait
// for that. Nothing on the CPU, which has nothing to choose.
void warm_up(StageRunner& runner, const Architecture& architecture);

}  // namespace quantring::apps
