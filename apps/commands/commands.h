#pragma once
// The commands of `quantring`: each adds itself to the command line and runs from its callback.

namespace CLI {
class App;
}

namespace quantring::apps {

void add_classify(CLI::App& app);
void add_node(CLI::App& app);
void add_bench(CLI::App& app);
void add_compare(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_calibrate(CLI::App& app);
void add_demo(CLI::App& app);
void add_camera(CLI::App& app);
void add_doctor(CLI::App& app);

}  // namespace quantring::apps
