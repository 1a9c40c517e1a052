#include "weights_tools/formats/torch/torch_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/base/error.h"
#include "ops/base/lower_case.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

using Kind = PickleValue::Kind;

// {"model": ...}, {"student": {"backbone": ...}}: files do not nest deeper. The other limits bound
// the total size of the paths, since shared dictionaries repeat their keys.
constexpr int max_depth = 4;
constexpr std::size_t max_key = 100, max_dictionaries = 4096;
constexpr std::size_t max_tensors = 1 << 16;
constexpr std::size_t max_listed = 8;  // in a message

struct Found {
  const PickleValue* dict;
  std::string path;
};

std::string quoted_text(std::string_view text) {
  return fmt::format("'{}'", ascii_excerpt(text));
}

// An optimizer's moments and averages would look like weights.
bool belongs_to_optimizer(std::string_view key) {
  return lower_case(std::string(key)).find("optim") != std::string::npos;
}

// f(key, value) for the entries with text keys.
template <class F>
void for_each_entry(const PickleValue& dict, const F& f) {
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->is(Kind::text)) f(dict.items[i]->text, *dict.items[i + 1]);
  }
}

template <class Predicate>
std::size_t count_entries(const PickleValue& dict, const Predicate& predicate) {
  std::size_t count = 0;
  for_each_entry(dict,
                 [&](std::string_view, const PickleValue& value) { count += predicate(value); });
  return count;
}

// All dictionaries in breadth-first order, each once; a state dict is not searched further.
std::vector<Found> state_dicts(const PickleValue& root) {
  struct Waiting {
    Found found;
    int depth;
  };
  std::vector<Waiting> queue{{{&root, ""}, 0}};
  std::set<const PickleValue*> seen{&root};
  std::vector<Found> with_weights, with_tensors;
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const Found found = queue[next].found;
    const int depth = queue[next].depth;
    if (count_entries(*found.dict, is_torch_matrix) >= 2) {
      with_weights.push_back(found);
      continue;
    }
    if (count_entries(*found.dict, is_torch_tensor) >= 1) with_tensors.push_back(found);
    if (depth == max_depth) continue;
    for_each_entry(*found.dict, [&](std::string_view key, const PickleValue& value) {
      if (!value.is(Kind::dict) || key.size() > max_key || belongs_to_optimizer(key) ||
          queue.size() >= max_dictionaries || !seen.insert(&value).second) {
        return;
      }
      const std::string prefix = found.path.empty() ? "" : found.path + ".";
      queue.push_back({{&value, prefix + std::string(key)}, depth + 1});
    });
  }
  return with_weights.empty() ? with_tensors : with_weights;
}

std::string list(const std::vector<Found>& dicts) {
  std::string text;
  for (std::size_t i = 0; i < std::min(dicts.size(), max_listed); ++i) {
    if (i > 0) text += ", ";
    text += dicts[i].path.empty() ? "the file itself" : ascii_excerpt(dicts[i].path);
  }
  if (dicts.size() > max_listed) text += fmt::format(" and {} more", dicts.size() - max_listed);
  return text;
}

// Follows a path of keys; keys may contain dots, the longest match is taken. nullptr: not found.
const PickleValue* follow(const PickleValue& root, std::string_view path) {
  const PickleValue* dict = &root;
  for (;;) {
    const PickleValue* next = nullptr;
    std::size_t length = 0;  // of the best matching key
    for_each_entry(*dict, [&](std::string_view key, const PickleValue& value) {
      const bool fits = path == key || (path.starts_with(key) && path[key.size()] == '.');
      if (!fits || key.size() < length || key.empty() || !value.is(Kind::dict)) return;
      length = key.size();
      next = &value;
    });
    if (next == nullptr) return nullptr;
    if (length == path.size()) return next;
    dict = next;
    path.remove_prefix(length + 1);
  }
}

Found choose(const PickleValue& root, const std::string& part, const std::string& file) {
  const std::vector<Found> dicts = state_dicts(root);
  if (!part.empty()) {
    const PickleValue* const dict = follow(root, part);
    if (dict != nullptr && count_entries(*dict, is_torch_tensor) > 0) return {dict, part};
    throw OptionError(fmt::format("--part {}: '{}' has no weights there{}", ascii_excerpt(part),
                                  file, dicts.empty() ? "" : "; it has them in: " + list(dicts)));
  }
  if (dicts.size() == 1) return dicts.front();
  if (dicts.empty()) {
    throw Error(
        fmt::format("'{}' has no dictionary of tensors; save one with "
                    "torch.save(model.state_dict(), \"weights.pth\")",
                    file));
  }
  throw OptionError(fmt::format("'{}' has several sets of weights: {}; choose one with --part",
                                file, list(dicts)));
}

}  // namespace

TorchState find_torch_state(const PickleValue& root, const std::string& part,
                            const std::string& file) {
  if (!root.is(Kind::dict)) {
    throw Error(
        fmt::format("'{}' contains {}, not a dictionary of tensors; save one with "
                    "torch.save(model.state_dict(), \"weights.pth\")",
                    file, is_torch_tensor(root) ? "a single tensor" : "something else"));
  }
  const Found found = choose(root, part, file);
  TorchState state;
  state.part = found.path;
  std::set<std::string_view> names;
  for_each_entry(*found.dict, [&](std::string_view name, const PickleValue& value) {
    if (!names.insert(name).second) {
      throw Error(fmt::format("'{}': tensor {} appears twice", file, quoted_text(name)));
    }
    if (!is_torch_tensor(value)) return;
    if (state.tensors.size() >= max_tensors) {
      throw Error(fmt::format("'{}' has more than {} tensors", file, max_tensors));
    }
    const std::string where = fmt::format("'{}': tensor {}", file, quoted_text(name));
    state.tensors.emplace(name, parse_torch_tensor(value, where));
  });
  return state;
}

}  // namespace quantring::weights
