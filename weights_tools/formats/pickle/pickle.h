#pragma once
// Reads Python pickles, protocols 1 to 5, as plain values (opcodes: CPython's Lib/pickletools.py).
// Nothing is imported or executed: a name is text, a call is a value that holds the name and its
// arguments. Names that the caller does not list are errors.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantring::weights {

// The result of calling a name (REDUCE, NEWOBJ).
enum class PickleRole {
  mapping,  // an empty dict: OrderedDict
  call,     // a value of kind call, which the caller interprets
  opaque,   // a value that is not used; its contents are dropped
};

struct PickleName {
  std::string_view name;  // "collections.OrderedDict"
  PickleRole role;
};

struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    text,
    tuple,
    list,
    dict,        // items: key, value, key, value, ...; keys may repeat
    name,        // text: the listed name
    call,        // items: the name, the tuple of arguments
    persistent,  // items: the id
    opaque,      // everything else: floats, bytes, sets, objects
  };
  Kind kind = Kind::opaque;
  std::int64_t integer = 0;  // boolean too
  std::string_view text;     // UTF-8, into the pickle's bytes
  // Values may be shared, and lists and dicts may contain themselves: limit every traversal.
  std::vector<const PickleValue*> items;

  bool is(Kind wanted) const { return kind == wanted; }
};

class Pickle {
 public:
  // Owns the bytes. file: its name in errors. Memory: about 60 bytes per value, at most max_values.
  // Throws Error naming the file: damaged, too large, or not plain data.
  Pickle(std::vector<std::byte> bytes, std::span<const PickleName> names, const std::string& file);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const PickleValue& root() const { return *root_; }

  // A training checkpoint with its optimizer has tens of thousands.
  static constexpr std::size_t max_values = 1 << 20;

 private:
  std::vector<std::byte> bytes_;
  std::deque<PickleValue> values_;  // stable addresses; destruction does not recurse
  const PickleValue* root_;
};

}  // namespace quantring::weights
