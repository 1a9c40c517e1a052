#pragma once
// The stack machine that interprets a pickle. For a single use: PickleMachine(...).run().

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tools/formats/pickle/pickle.h"

namespace quantring::weights {

class PickleMachine {
 public:
  // New values are appended to `values`; their text points into `bytes`.
  PickleMachine(std::span<const std::byte> bytes, std::span<const PickleName> names,
                const std::string& file, std::deque<PickleValue>& values);

  const PickleValue* run();  // the value on the stack at STOP; throws Error

 private:
  using Kind = PickleValue::Kind;
  using Items = std::vector<const PickleValue*>;

  // Bytes.
  std::uint64_t number(int size);  // little-endian, unsigned, 1 to 8 bytes
  std::string_view take(std::uint64_t size);
  std::string_view line();
  std::size_t left() const { return bytes_.size() - position_; }

  // Values.
  PickleValue* make(Kind kind);
  void push(PickleValue* value);
  void push_integer(std::int64_t value);
  void push_long(std::uint64_t size);
  void push_decimal();
  void push_text(std::uint64_t size);
  void push_legacy_text(std::uint64_t size);
  void push_opaque(std::uint64_t size);
  void push_name(std::string_view module, std::string_view name);
  PickleValue* pop();
  Items pop_to_mark();

  // Opcodes.
  bool step();  // false after STOP; pickle_opcodes.cpp
  void tuple(std::size_t size);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  void extend(const Items& items, Kind kind);
  void reduce(bool new_object);
  void build();
  bool makes_object() const;  // pickle_opcodes.cpp

  // Of the stack, the marks and the memo. torch.save nests a few levels and writes lists in chunks
  // of 1000.
  static constexpr std::size_t max_slots = 1 << 20;
  static constexpr std::string_view remedy =
      "save the weights alone with torch.save(model.state_dict(), \"weights.pth\")";
  [[noreturn]] void damaged(const std::string& what) const;

  std::span<const std::byte> bytes_;
  std::span<const PickleName> names_;
  const std::string& file_;
  std::deque<PickleValue>& values_;
  PickleValue *none_, *no_, *yes_, *opaque_, *empty_tuple_;  // shared by all uses
  std::size_t position_ = 0;
  std::vector<PickleValue*> stack_, memo_;  // memo: nullptr where unset
  std::vector<std::size_t> marks_;          // heights of the stack
};

}  // namespace quantring::weights
