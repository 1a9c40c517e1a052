#pragma once
// Python pickles, protocols 1 to 5, as plain values (opcodes: CPython's Lib/pickletools.py).
// Nothing is imported or called: a name is text, a call is the value "this name, called with that".
// Names that the caller does not list are refused.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantring::weights {

// What calling a name (REDUCE, NEWOBJ) means.
enum class PickleRole {
  mapping,  // an empty dict: OrderedDict
  call,     // kept, for the caller to make sense of
  opaque,   // a value that nobody reads; what it is made of is dropped
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
    dict,        // items: key, value, key, value, ...; a key may come twice
    name,        // text: as listed
    call,        // items: the name, the tuple of arguments
    persistent,  // items: the id
    opaque,      // everything else: floats, bytes, sets, objects
  };
  Kind kind = Kind::opaque;
  std::int64_t integer = 0;  // boolean too
  std::string_view text;     // UTF-8, into the pickle's bytes
  // Shared where the pickle shares. Lists and dicts may hold themselves: bound every walk.
  std::vector<const PickleValue*> items;

  bool is(Kind wanted) const { return kind == wanted; }
};

class Pickle {
 public:
  // Owns the bytes. file: for messages. Memory: about sixty bytes a value, and no more than
  // max_values of them. Throws Error naming the file: damaged, too large, or not plain data.
  Pickle(std::vector<std::byte> bytes, std::span<const PickleName> names, const std::string& file);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const PickleValue& root() const { return *root_; }

  // A training checkpoint with its optimizer has tens of thousands.
  static constexpr std::size_t max_values = 1 << 20;

 private:
  std::vector<std::byte> bytes_;
  std::deque<PickleValue> values_;  // never move; destroyed one by one, however deep they nest
  const PickleValue* root_;
};

}  // namespace quantring::weights
