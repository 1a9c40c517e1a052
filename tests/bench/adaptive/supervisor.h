#pragma once
// Work that must not leave namespaces behind, whichever way it ends.

#include <functional>

namespace quantring::bench {

// Makes the test network, does `work` in a process of its own inside the head's namespace, and
// removes the network: when the work is done or has crashed, and on SIGINT, SIGTERM or SIGHUP.
// Returns the exit status. Call it before any thread is started.
int in_test_network(const std::function<int()>& work);

}  // namespace quantring::bench
