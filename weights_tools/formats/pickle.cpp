#include "weights_tools/formats/pickle.h"

#include <utility>

#include "weights_tools/formats/pickle_machine.h"

namespace quantring::weights {

Pickle::Pickle(std::vector<std::byte> bytes, std::span<const PickleName> names,
               const std::string& file)
    : bytes_(std::move(bytes)), root_(PickleMachine(bytes_, names, file, values_).run()) {}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::string result(text.substr(0, longest));
  for (char& c : result) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > longest ? result + "..." : result;
}

}  // namespace quantring::weights
