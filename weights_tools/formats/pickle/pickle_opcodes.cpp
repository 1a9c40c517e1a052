// The opcodes of the machine in pickle_machine.cpp.

#include <fmt/format.h>

#include "ops/base/error.h"
#include "weights_tools/formats/pickle/pickle_machine.h"

namespace quantring::weights {
namespace {

// As pickletools.py names them.
enum Opcode : std::uint8_t {
  MARK = '(',
  STOP = '.',
  POP = '0',
  POP_MARK = '1',
  BINFLOAT = 'G',
  INT = 'I',
  BININT = 'J',
  BININT1 = 'K',
  LONG = 'L',
  BININT2 = 'M',
  NONE = 'N',
  BINPERSID = 'Q',
  REDUCE = 'R',
  BINSTRING = 'T',
  SHORT_BINSTRING = 'U',
  BINUNICODE = 'X',
  EMPTY_LIST = ']',
  APPEND = 'a',
  BUILD = 'b',
  GLOBAL = 'c',
  DICT = 'd',
  APPENDS = 'e',
  BINGET = 'h',
  LONG_BINGET = 'j',
  LIST = 'l',
  BINPUT = 'q',
  LONG_BINPUT = 'r',
  SETITEM = 's',
  TUPLE = 't',
  SETITEMS = 'u',
  EMPTY_DICT = '}',
  EMPTY_TUPLE = ')',
  PROTO = 0x80,
  NEWOBJ = 0x81,
  TUPLE1 = 0x85,
  TUPLE2 = 0x86,
  TUPLE3 = 0x87,
  NEWTRUE = 0x88,
  NEWFALSE = 0x89,
  LONG1 = 0x8a,
  LONG4 = 0x8b,
  BINBYTES = 'B',
  SHORT_BINBYTES = 'C',
  SHORT_BINUNICODE = 0x8c,
  BINUNICODE8 = 0x8d,
  BINBYTES8 = 0x8e,
  EMPTY_SET = 0x8f,
  ADDITEMS = 0x90,
  FROZENSET = 0x91,
  STACK_GLOBAL = 0x93,
  MEMOIZE = 0x94,
  FRAME = 0x95,
  BYTEARRAY8 = 0x96
};

constexpr std::uint64_t max_protocol = 5;

}  // namespace

// Whether the name just read is the class of an object: it is followed by EMPTY_TUPLE NEWOBJ, with
// an optional memo opcode between.
bool PickleMachine::makes_object() const {
  std::size_t at = position_;
  const auto byte = [&](std::size_t i) {
    return i < bytes_.size() ? std::to_integer<std::uint8_t>(bytes_[i]) : std::uint8_t{STOP};
  };
  if (byte(at) == BINPUT) at += 2;
  if (byte(at) == LONG_BINPUT) at += 5;
  if (byte(at) == MEMOIZE) at += 1;
  return byte(at) == EMPTY_TUPLE && byte(at + 1) == NEWOBJ;
}

bool PickleMachine::step() {
  const auto opcode = static_cast<Opcode>(number(1));
  switch (opcode) {
    case PROTO: {
      const std::uint64_t protocol = number(1);
      if (protocol > max_protocol) damaged(fmt::format("protocol {} is unknown", protocol));
      break;
    }
    case FRAME:
      if (number(8) > left()) damaged("a frame extends past the end");
      break;
    case STOP:
      return false;
    case MARK:
      if (marks_.size() >= max_slots) damaged("it has too many marks");
      marks_.push_back(stack_.size());
      break;
    case POP:
      if (!marks_.empty() && stack_.size() == marks_.back()) {
        marks_.pop_back();
      } else {
        pop();
      }
      break;
    case POP_MARK:
      pop_to_mark();
      break;

    case NONE:
      push(none_);
      break;
    case NEWTRUE:
      push(yes_);
      break;
    case NEWFALSE:
      push(no_);
      break;
    case BININT:
      push_integer(static_cast<std::int32_t>(number(4)));
      break;
    case BININT1:
      push_integer(static_cast<std::int64_t>(number(1)));
      break;
    case BININT2:
      push_integer(static_cast<std::int64_t>(number(2)));
      break;
    case LONG1:
      push_long(number(1));
      break;
    case LONG4:  // signed in Python: a negative size is here past the end
      push_long(number(4));
      break;
    case INT:
    case LONG:
      push_decimal();
      break;
    case BINFLOAT:
      push_opaque(8);
      break;
    case BINUNICODE:
      push_text(number(4));
      break;
    case SHORT_BINUNICODE:
      push_text(number(1));
      break;
    case BINUNICODE8:
      push_text(number(8));
      break;
    case BINSTRING:
      push_legacy_text(number(4));
      break;
    case SHORT_BINSTRING:
      push_legacy_text(number(1));
      break;
    case BINBYTES:
      push_opaque(number(4));
      break;
    case SHORT_BINBYTES:
      push_opaque(number(1));
      break;
    case BINBYTES8:
    case BYTEARRAY8:
      push_opaque(number(8));
      break;

    case EMPTY_DICT:
      push(make(Kind::dict));
      break;
    case EMPTY_LIST:
      push(make(Kind::list));
      break;
    case EMPTY_SET:
      push(opaque_);
      break;
    case EMPTY_TUPLE:
      push(empty_tuple_);
      break;
    case TUPLE:
    case LIST:
    case DICT: {
      PickleValue* const made = make(opcode == TUPLE  ? Kind::tuple
                                     : opcode == LIST ? Kind::list
                                                      : Kind::dict);
      made->items = pop_to_mark();
      if (opcode == DICT && made->items.size() % 2 != 0) damaged("a key has no value");
      push(made);
      break;
    }
    case TUPLE1:
      tuple(1);
      break;
    case TUPLE2:
      tuple(2);
      break;
    case TUPLE3:
      tuple(3);
      break;
    case FROZENSET:
      pop_to_mark();
      push(opaque_);
      break;
    case APPEND:
      extend({pop()}, Kind::list);
      break;
    case APPENDS:
      extend(pop_to_mark(), Kind::list);
      break;
    case ADDITEMS:
      extend(pop_to_mark(), Kind::opaque);
      break;
    case SETITEM: {
      PickleValue* const value = pop();
      PickleValue* const key = pop();
      extend({key, value}, Kind::dict);
      break;
    }
    case SETITEMS:
      extend(pop_to_mark(), Kind::dict);
      break;

    case BINPUT:
      put(number(1));
      break;
    case LONG_BINPUT:
      put(number(4));
      break;
    case MEMOIZE:
      put(memo_.size());
      break;
    case BINGET:
      get(number(1));
      break;
    case LONG_BINGET:
      get(number(4));
      break;

    case GLOBAL: {
      const std::string_view module = line();
      push_name(module, line());
      break;
    }
    case STACK_GLOBAL: {
      const PickleValue* const name = pop();
      const PickleValue* const module = pop();
      if (!name->is(Kind::text) || !module->is(Kind::text)) damaged("a name is not text");
      push_name(module->text, name->text);
      break;
    }
    case REDUCE:
      reduce(false);
      break;
    case NEWOBJ:
      reduce(true);
      break;
    case BUILD:
      build();
      break;
    case BINPERSID: {
      const PickleValue* const id = pop();
      PickleValue* const made = make(Kind::persistent);
      made->items = {id};
      push(made);
      break;
    }
    default:
      throw Error(
          fmt::format("'{}': its pickle has opcode 0x{:02x} near byte {}, which a state dict "
                      "does not need: refused, nothing was executed. If you trust the file, {}",
                      file_, static_cast<unsigned>(opcode), position_, remedy));
  }
  return true;
}

const PickleValue* PickleMachine::run() {
  while (step()) {
  }
  if (stack_.size() != 1 || !marks_.empty() || left() != 0) {
    damaged("it does not end with a single value");
  }
  return stack_.back();
}

}  // namespace quantring::weights
