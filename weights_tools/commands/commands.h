#pragma once
// The commands of `quantring-weights`: each function adds one to the command line.

namespace CLI {
class App;
}

namespace quantring::weights {

void add_convert(CLI::App& app);
void add_inspect(CLI::App& app);
void add_verify(CLI::App& app);
void add_shard(CLI::App& app);
void add_labels(CLI::App& app);
void add_diff(CLI::App& app);

}  // namespace quantring::weights
