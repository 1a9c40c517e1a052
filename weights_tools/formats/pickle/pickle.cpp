#include "weights_tools/formats/pickle/pickle.h"

#include <utility>

#include "weights_tools/formats/pickle/pickle_machine.h"

namespace quantring::weights {

Pickle::Pickle(std::vector<std::byte> bytes, std::span<const PickleName> names,
               const std::string& file)
    : bytes_(std::move(bytes)), root_(PickleMachine(bytes_, names, file, values_).run()) {}

}  // namespace quantring::weights
