#include "weights_tools/formats/npy.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string_view>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"

namespace quantring::weights {
namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::size_t max_dimensions = 8;
// More than any tensor has; its size in bytes fits 64 bits.
constexpr std::uint64_t max_elements = std::uint64_t{1} << 48;

// Parses {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } as NumPy writes it; other
// Python expressions are errors.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  void parse() {
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        // A list describes a record of several fields.
        if (take('[')) throw Error(where_ + " contains records, not numbers");
        descr = quoted();
      } else if (key == "fortran_order" && !column_major) {
        column_major = boolean();
      } else if (key == "shape" && !shape) {
        shape = dimensions();
      } else {
        malformed();
      }
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_space();
    if (!rest_.empty() || !descr || !column_major || !shape) malformed();
  }

  std::optional<std::string> descr;
  std::optional<bool> column_major;
  std::optional<std::vector<std::int64_t>> shape;

 private:
  [[noreturn]] void malformed() const {
    throw Error(where_ + " has a malformed NumPy header: the file is damaged");
  }
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool take(char wanted) {
    skip_space();
    if (rest_.empty() || rest_[0] != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) malformed();
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) malformed();
    const std::string_view text = rest_.substr(0, end);
    for (const char c : text) {
      if (c < ' ' || c > '~' || c == '\\') malformed();
    }
    rest_.remove_prefix(end + 1);
    return std::string(text);
  }

  bool boolean() {
    if (take_word("True")) return true;
    if (!take_word("False")) malformed();
    return false;
  }

  std::int64_t dimension() {
    skip_space();
    std::uint64_t value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
      if (value > max_elements) throw Error(where_ + " has an impossible shape");
      ++digits;
    }
    if (digits == 0) malformed();
    rest_.remove_prefix(digits);
    return static_cast<std::int64_t>(value);
  }

  // (), (3,), (3, 4), (3, 4,); in Python (3) is no tuple.
  std::vector<std::int64_t> dimensions() {
    std::vector<std::int64_t> sizes;
    expect('(');
    if (take(')')) return sizes;
    do {
      sizes.push_back(dimension());
      if (sizes.size() > max_dimensions) throw Error(where_ + " has more than 8 dimensions");
      if (take(',')) continue;
      if (sizes.size() == 1) malformed();
      expect(')');
      return sizes;
    } while (!take(')'));
    return sizes;
  }

  std::string_view rest_;
  const std::string& where_;
};

std::string dtype_of(const std::string& descr, const std::string& where) {
  static const std::map<std::string, std::string> names = {
      {"f2", "F16"},
      {"f4", "F32"},
      {"f8", "F64"},
      {"i1", "I8"},
      {"i2", "I16"},
      {"i4", "I32"},
      {"i8", "I64"},
      {"u1", "U8"},
      {"u2", "U16"},
      {"u4", "U32"},
      {"u8", "U64"},
      {"b1", "BOOL"},
      // NumPy has no bfloat16: JAX's arrays are saved as "2 bytes of unknown type", and no other
      // arrays in a checkpoint of weights are.
      {"V2", "BF16"}};
  if (descr.ends_with('O')) {
    throw Error(where +
                " contains Python objects (a pickle), which are not read for safety; save it "
                "again with plain arrays only");
  }
  if (descr.starts_with('>')) {
    throw Error(where + " is big-endian; save it again with array.astype('<f4')");
  }
  const auto found = names.find(descr.substr(descr.find_first_not_of("<|") == 1 ? 1 : 0));
  if (found == names.end()) {
    throw Error(
        fmt::format("{} has the element type '{}', which is not one of weights; save the file "
                    "again without it",
                    where, descr));
  }
  return found->second;
}

std::uint64_t elements_of(const std::vector<std::int64_t>& shape, const std::string& where) {
  std::uint64_t elements =
      1;  // of the dimensions other than 0, so that no intermediate product overflows
  bool none = false;
  for (const std::int64_t dimension : shape) {
    const auto size = static_cast<std::uint64_t>(dimension);
    if (size == 0) {
      none = true;
    } else if (elements > max_elements / size) {
      throw Error(where + " has an impossible shape");
    } else {
      elements *= size;
    }
  }
  return none ? 0 : elements;
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(magic) || text.size() < 10) {
    throw Error(where + " is not a NumPy array: the file is damaged");
  }
  const int version = text[6];
  if (version < 1 || version > 3) {
    throw Error(where + " has a NumPy format newer than 3.0; save it again with numpy.savez");
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t begin = 8 + length_bytes;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes && begin <= bytes.size(); ++i) {
    length |= std::to_integer<std::size_t>(bytes[8 + i]) << 8 * i;
  }
  if (begin > bytes.size() || length > bytes.size() - begin) {
    throw Error(where + " has a NumPy header that is truncated or too long: the file is damaged");
  }
  HeaderText header(text.substr(begin, length), where);
  header.parse();
  NpyHeader parsed{.dtype = dtype_of(*header.descr, where),
                   .shape = *header.shape,
                   .column_major = *header.column_major,
                   .data_offset = begin + length,
                   .data_bytes = elements_of(*header.shape, where)};
  parsed.data_bytes *= stored_dtype_bytes(parsed.dtype);
  return parsed;
}

}  // namespace quantring::weights
