#pragma once
// Synthetic input, to measure a stage and to warm it up.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/stage/stage_runner.h"

namespace quantring {

// Coded input of a stage: random pixels for the first, a random residual stream in `codec` for
// others.
std::vector<std::byte> random_input(const Stage& stage, const Architecture& architecture,
                                    std::uint32_t images, CodecSpec codec = {});

// Makes a GPU choose its kernels for the largest batch now and not during the first frame. Nothing
// on the CPU.
void warm_up(StageRunner& runner, const Architecture& architecture);

}  // namespace quantring
