#include "weights_tools/formats/pickle/pickle_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ops/base/error.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80                    ? 0
                     : lead >= 0xC2 && lead <= 0xDF ? 1
                     : lead >= 0xE0 && lead <= 0xEF ? 2
                     : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                    : -1;
    if (more < 0 || text.size() - i <= static_cast<std::size_t>(more)) return false;
    std::uint32_t code = more == 0 ? lead : lead & (0x3Fu >> more);
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3Fu);
    }
    // Overlong, a surrogate, or beyond Unicode.
    if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10FFFF)) ||
        (code >= 0xD800 && code <= 0xDFFF)) {
      return false;
    }
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

}  // namespace

PickleMachine::PickleMachine(std::span<const std::byte> bytes, std::span<const PickleName> names,
                             const std::string& file, std::deque<PickleValue>& values)
    : bytes_(bytes), names_(names), file_(file), values_(values) {
  none_ = make(Kind::none);
  no_ = make(Kind::boolean);
  yes_ = make(Kind::boolean);
  yes_->integer = 1;
  opaque_ = make(Kind::opaque);
  empty_tuple_ = make(Kind::tuple);
}

void PickleMachine::damaged(const std::string& what) const {
  throw Error(
      fmt::format("'{}': its pickle is damaged near byte {}: {}; download or save the file again",
                  file_, position_, what));
}

// ---- bytes

std::string_view PickleMachine::take(std::uint64_t size) {
  if (size > left()) damaged(fmt::format("{} more bytes are needed, {} are left", size, left()));
  const std::string_view result(reinterpret_cast<const char*>(bytes_.data()) + position_,
                                static_cast<std::size_t>(size));
  position_ += static_cast<std::size_t>(size);
  return result;
}

std::uint64_t PickleMachine::number(int size) {
  const std::string_view text = take(static_cast<std::uint64_t>(size));
  std::uint64_t value = 0;
  for (auto byte = text.rbegin(); byte != text.rend(); ++byte) {
    value = value << 8 | static_cast<unsigned char>(*byte);
  }
  return value;
}

std::string_view PickleMachine::line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, left());
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) damaged("a line has no end");
  position_ += end + 1;
  return rest.substr(0, end);
}

// ---- values

PickleValue* PickleMachine::make(Kind kind) {
  if (values_.size() >= Pickle::max_values) {
    throw Error(
        fmt::format("'{}': its pickle has more than {} values, far more than a state "
                    "dict; {}",
                    file_, Pickle::max_values, remedy));
  }
  PickleValue& value = values_.emplace_back();
  value.kind = kind;
  return &value;
}

void PickleMachine::push(PickleValue* value) {
  if (stack_.size() >= max_slots) damaged("its stack is too large");
  stack_.push_back(value);
}

void PickleMachine::push_integer(std::int64_t value) {
  PickleValue* const made = make(Kind::integer);
  made->integer = value;
  push(made);
}

// Two's complement of any length; values that are used have at most eight bytes.
void PickleMachine::push_long(std::uint64_t size) {
  const std::string_view digits = take(size);
  if (size > 8) return push(opaque_);
  std::uint64_t value = 0;
  if (size > 0 && (digits.back() & 0x80) != 0) value = ~std::uint64_t{0};
  for (auto byte = digits.rbegin(); byte != digits.rend(); ++byte) {
    value = value << 8 | static_cast<unsigned char>(*byte);
  }
  push_integer(static_cast<std::int64_t>(value));
}

// INT and LONG of protocol 1: "12", "12L"; booleans are "00" and "01".
void PickleMachine::push_decimal() {
  std::string_view text = line();
  if (text == "00" || text == "01") return push(text == "01" ? yes_ : no_);
  if (text.ends_with('L')) text.remove_suffix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) damaged("a number is malformed");
  if (error == std::errc::result_out_of_range) return push(opaque_);
  push_integer(value);
}

void PickleMachine::push_text(std::uint64_t size) {
  const std::string_view text = take(size);
  if (!is_utf8(text)) damaged("a text is not UTF-8");
  PickleValue* const made = make(Kind::text);
  made->text = text;
  push(made);
}

// Python 2 wrote text and bytes with the same opcode.
void PickleMachine::push_legacy_text(std::uint64_t size) {
  const std::size_t start = position_;
  if (!is_utf8(take(size))) return push(opaque_);
  position_ = start;
  push_text(size);
}

void PickleMachine::push_opaque(std::uint64_t size) {
  take(size);
  push(opaque_);
}

void PickleMachine::push_name(std::string_view module, std::string_view name) {
  const auto known = std::find_if(names_.begin(), names_.end(), [&](const PickleName& entry) {
    const std::string_view full = entry.name;
    return full.size() == module.size() + 1 + name.size() && full.starts_with(module) &&
           full[module.size()] == '.' && full.ends_with(name);
  });
  if (known == names_.end()) {
    const std::string full = ascii_excerpt(module) + "." + ascii_excerpt(name);
    if (full.starts_with("torch._utils._rebuild_sparse")) {
      throw Error(fmt::format(
          "'{}' contains a sparse tensor; save it dense, with tensor.to_dense()", file_));
    }
    if (makes_object()) {
      throw Error(
          fmt::format("'{}' contains a Python object of class {}, not only weights; such "
                      "objects are refused. Where that class can be loaded, {}",
                      file_, full, remedy));
    }
    throw Error(
        fmt::format("'{}': its pickle names {}, which a state dict does not need: refused, nothing "
                    "was executed. If you trust the file, {}",
                    file_, full, remedy));
  }
  PickleValue* const made = make(Kind::name);
  made->text = known->name;
  made->integer = static_cast<std::int64_t>(known->role);
  push(made);
}

// Values below the last mark are not accessible.
PickleValue* PickleMachine::pop() {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) damaged("its stack is empty");
  PickleValue* const top = stack_.back();
  stack_.pop_back();
  return top;
}

PickleMachine::Items PickleMachine::pop_to_mark() {
  if (marks_.empty()) damaged("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  Items items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

// ---- opcodes

void PickleMachine::tuple(std::size_t size) {
  Items items(size);
  for (std::size_t i = size; i-- > 0;) items[i] = pop();
  PickleValue* const made = make(Kind::tuple);
  made->items = std::move(items);
  push(made);
}

void PickleMachine::put(std::uint64_t index) {
  if (index >= max_slots) damaged("its memo is too large");
  PickleValue* const top = pop();
  push(top);
  if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1);
  memo_[static_cast<std::size_t>(index)] = top;
}

void PickleMachine::get(std::uint64_t index) {
  if (index >= memo_.size() || memo_[static_cast<std::size_t>(index)] == nullptr) {
    damaged(fmt::format("memo {} was never set", index));
  }
  push(memo_[static_cast<std::size_t>(index)]);
}

// APPEND, SETITEM and similar: adds to the container on top of the stack.
void PickleMachine::extend(const Items& items, Kind kind) {
  PickleValue* const container = pop();
  push(container);
  if (container->is(Kind::opaque)) return;
  if (!container->is(kind))
    damaged("items are added to a value that is not a container of that kind");
  if (kind == Kind::dict && items.size() % 2 != 0) damaged("a key has no value");
  container->items.insert(container->items.end(), items.begin(), items.end());
}

void PickleMachine::reduce(bool new_object) {
  PickleValue* const arguments = pop();
  PickleValue* const callable = pop();
  if (!callable->is(Kind::name) || !arguments->is(Kind::tuple)) {
    damaged("the called value is not a name, or its arguments are not a tuple");
  }
  switch (static_cast<PickleRole>(callable->integer)) {
    case PickleRole::mapping:
      push(make(Kind::dict));
      return;
    case PickleRole::opaque:
      push(opaque_);
      return;
    case PickleRole::call:
      break;
  }
  if (new_object) damaged("a function is used as a class");
  PickleValue* const made = make(Kind::call);
  made->items = {callable, arguments};
  push(made);
}

// The state of an object, such as a state dict's _metadata, is dropped. A tensor with state is an
// error: the state could change its values.
void PickleMachine::build() {
  pop();
  PickleValue* const object = pop();
  if (!object->is(Kind::opaque) && !object->is(Kind::dict)) {
    damaged("a value that has no state is given one");
  }
  push(object);
}

}  // namespace quantring::weights
