#pragma once
// The peak rates of this machine on one thread, measured in the same run as the ops, because clock
// rates and other load change.

namespace quantring::bench {

// Multiply-adds in registers only, widest vectors of this CPU: GFLOP/s.
double peak_gflops();

// y[i] = a[i] + b[i] over arrays much larger than the caches, 12 bytes counted per element: GB/s.
double stream_gbytes();

}  // namespace quantring::bench
