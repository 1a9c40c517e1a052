#pragma once
// The candidate measured to be fastest for each shape of matrix product, stored between runs in a
// file in the user's cache folder. The file is a hint only: whatever is wrong in it is ignored and
// measured again.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace quantring::cuda {

struct TuningChoice {
  std::string engine, candidate;  // named by MatmulEngine
  double microseconds = 0;
  std::string others;       // the other engines' best times, for people: "cublaslt:5.81"; or empty
  std::size_t library = 0;  // cuBLASLt's version when this was measured; 0: it was missing

  bool operator==(const TuningChoice&) const = default;
};

// By shape, "r197_i768_o2304_f16_..."; neither shapes nor names contain spaces.
using TuningChoices = std::map<std::string, TuningChoice, std::less<>>;

// The file's text. Damaged lines are skipped; all lines are if the text was written for other
// `versions` (one line: device, driver, build).
std::string format_choices(const TuningChoices& choices, std::string_view versions);
TuningChoices parse_choices(std::string_view text, std::string_view versions);

// $XDG_CACHE_HOME/quantring/matmul-<device>-<hash of versions>.txt, with ~/.cache if that is not
// set; empty if HOME is not set either.
std::string choices_path(std::string_view device, std::string_view versions);

// Several processes may use one file: each reads it at its start, and merges with it when writing.
class TuningCache {
 public:
  TuningCache(std::string path, std::string versions);  // path empty: stores nothing
  const TuningChoice* find(std::string_view shape) const;
  void forget(const std::string& shape) { choices_.erase(shape); }  // in this process
  // Writes the file. If that fails, the next process measures again.
  void add(const std::string& shape, const TuningChoice& choice);

 private:
  std::string path_, versions_;
  TuningChoices choices_;
};

}  // namespace quantring::cuda
