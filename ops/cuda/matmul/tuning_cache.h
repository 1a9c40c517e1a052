#pragma once
// Which way of computing a matrix product was measured to be fastest, remembered from one run to
// the next in a file of the user's cache folder. What is in the file is a hint: anything wrong in
// it is as if it were not there, and measured again.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace quantring::cuda {

struct TuningChoice {
  std::string engine, candidate;  // as MatmulEngine names them
  double microseconds = 0;
  std::string others;       // the other engines' best, for reading: "cublaslt:5.81"; or empty
  std::size_t library = 0;  // cuBLASLt's version when this was measured; 0: it was missing

  bool operator==(const TuningChoice&) const = default;
};

// By shape, "r197_i768_o2304_f16_..."; neither shapes nor names hold spaces.
using TuningChoices = std::map<std::string, TuningChoice, std::less<>>;

// The file's text. Lines that are not whole are left out, all lines if the text is not of
// `versions` (one line: device, driver, build).
std::string format_choices(const TuningChoices& choices, std::string_view versions);
TuningChoices parse_choices(std::string_view text, std::string_view versions);

// $XDG_CACHE_HOME/quantring/matmul-<device>-<hash of versions>.txt, with ~/.cache where that is not
// set; empty if there is no home either.
std::string choices_path(std::string_view device, std::string_view versions);

// Several processes may use one file: each reads it once and adds to what is there when it writes.
class TuningCache {
 public:
  TuningCache(std::string path, std::string versions);  // path empty: remembers nothing
  const TuningChoice* find(std::string_view shape) const;
  void forget(const std::string& shape) { choices_.erase(shape); }  // in this process
  // Writes the file. A folder that cannot be written only means measuring again next time.
  void add(const std::string& shape, const TuningChoice& choice);

 private:
  std::string path_, versions_;
  TuningChoices choices_;
};

}  // namespace quantring::cuda
