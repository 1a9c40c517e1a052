#include "ops/base/nearest.h"

#include <algorithm>
#include <cctype>

namespace quantring {
namespace {

constexpr std::size_t longest_word = 40;  // no command or option is longer

// "--Link_mbps" -> "link-mbps"
std::string plain(std::string_view word) {
  std::string text(word.substr(std::min(word.size(), word.find_first_not_of('-'))));
  for (char& c : text) {
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

// Number of typing errors between two words: Damerau's distance of adjacent swaps.
std::size_t typing_errors(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

bool begins(const std::string& word, const std::string& with) {
  return with.size() >= 3 && word.compare(0, with.size(), with) == 0;
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  const std::string meant = plain(word);
  if (meant.empty() || meant.size() > longest_word) return {};
  std::string best;
  std::size_t fewest = 1 + std::min<std::size_t>(2, (meant.size() + 1) / 3);
  for (const std::string& each : known) {
    const std::size_t errors = typing_errors(meant, plain(each));
    if (errors >= fewest) continue;
    fewest = errors;
    best = each;
  }
  if (!best.empty()) return best;
  for (const std::string& each : known) {
    const std::string name = plain(each);
    if (begins(name, meant) || begins(meant, name)) return each;
  }
  return {};
}

}  // namespace quantring
