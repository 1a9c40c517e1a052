#pragma once
// Builds pickles.

#include <cstdint>
#include <initializer_list>
#include <string>

#include "tests/support/byte_files.h"

namespace quantring::test {

using quantring::little;

// A literal with zero bytes.
template <std::size_t n>
std::string bytes(const char (&text)[n]) {
  return std::string(text, n - 1);
}

inline std::string text(const std::string& value) {
  return std::string("X") + little(value.size(), 4) + value;
}
inline std::string integer(std::int64_t value) {
  return bytes("\x8a\x08") + little(static_cast<std::uint64_t>(value), 8);
}
inline std::string name(const std::string& module, const std::string& what) {
  return "c" + module + "\n" + what + "\n";
}
inline std::string pickle(const std::string& body) {
  return bytes("\x80\x02") + body + ".";
}

// A tensor with its storage, as torch.save writes it.
struct Tensor {
  std::string type = "FloatStorage", key = "0";
  std::int64_t storage_elements = 24, offset = 0;
  std::string shape = std::string("(") + integer(4) + integer(6) + "t",
              strides = std::string("(") + integer(6) + integer(1) + "t";

  std::string pickle() const {
    return name("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") +
           name("torch", type) + text(key) + text("cpu") + integer(storage_elements) + "tQ" +
           integer(offset) + shape + strides + "\x89" + name("collections", "OrderedDict") + ")RtR";
  }
};

inline std::string dimensions(std::initializer_list<std::int64_t> values) {
  std::string all = "(";
  for (const std::int64_t value : values) all += integer(value);
  return all + "t";
}

}  // namespace quantring::test
