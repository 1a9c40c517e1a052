#pragma once
// Constants of the policy ladder; engine/control/ladder_policy.h says how they play together.

#include <cstddef>

namespace quantring::ladder_tuning {

// A meter that is wrong by up to a tenth, and 5 % to make up for images that were lost in a stall.
inline constexpr double headroom = 0.10;        // of a finer point over a whole window
inline constexpr double fall_headroom = 0.15;   // after a fall: few readings
inline constexpr double stall_headroom = 0.25;  // while images are made up for
inline constexpr double keep_headroom = 0.05;   // less than this, once looked at closely: go down
// How far below the need a reading must be: two of three readings, a dozen.
inline constexpr double deep = 0.85, mild = 0.97;
inline constexpr double clear_change = 1.20;         // of a window's estimate since it was settled
inline constexpr double clear_after_refusal = 1.25;  // of the reading at which a point was left
inline constexpr double most_growth = 2;             // in bytes, of one climb; or one point
inline constexpr std::size_t most_patience = 8;      // windows
inline constexpr std::size_t longest_catching_up = 8;  // windows

// Frames' own sending.
inline constexpr std::size_t dozen = 12;
inline constexpr double always_busy = 0.95, time_to_spare = 1.15, nearly_all = 0.98;
// Of smaller frames a good part is in the congestion window before the link has carried it.
inline constexpr double telling_frame_bits = 8.0 * 512 * 1024;
inline constexpr double contradiction = 2, trust_in_frames = 1.5;

}  // namespace quantring::ladder_tuning
