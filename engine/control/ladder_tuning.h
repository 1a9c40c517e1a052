#pragma once
// Constants of the policy ladder (engine/control/ladder_policy.h).

#include <cstddef>

namespace quantring::ladder_tuning {

// For a meter with errors up to a tenth, and 5 % to catch up after a stall.
inline constexpr double headroom = 0.10;        // to move up, over a whole window
inline constexpr double fall_headroom = 0.15;   // to move down at once: few readings
inline constexpr double stall_headroom = 0.25;  // while catching up
inline constexpr double keep_headroom = 0.05;   // below this after a window: move down
// Thresholds of need: for two of three readings, for the mean of a dozen.
inline constexpr double deep = 0.85, mild = 0.97;
inline constexpr double clear_change = 1.20;  // of a window's estimate since the point was settled
inline constexpr double clear_after_refusal = 1.25;  // of the reading at which a point was left
inline constexpr double max_growth = 2;              // in bytes, of one step up; or one point
inline constexpr double clear_headroom = 0.25;  // or any number of points with so much to spare
inline constexpr std::size_t max_patience = 8;  // windows
inline constexpr std::size_t max_catch_up_windows = 8;  // windows
inline constexpr double forget_after_s = 300;           // the first time
inline constexpr double rate_wait_s = 8;                // before the policy goes without a rate
inline constexpr double max_size_ratio = 2;             // of real to expected bytes, or its inverse

// Evidence from sending frames.
inline constexpr std::size_t dozen = 12;
inline constexpr double saturated_share = 0.95, rate_margin = 1.15, almost_rate = 0.98;
// A large part of smaller frames fits into the congestion window and looks too fast.
inline constexpr double conclusive_frame_bits = 8.0 * 512 * 1024;
inline constexpr double contradiction = 2, frames_margin = 1.5;

}  // namespace quantring::ladder_tuning
