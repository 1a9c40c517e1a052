#pragma once
// Where the demo's model and pictures are installed.

#include <string>

namespace quantring::apps {

// Paths. Both throw Error with what to install if there is none.
std::string demo_model();
std::string demo_images();

}  // namespace quantring::apps
