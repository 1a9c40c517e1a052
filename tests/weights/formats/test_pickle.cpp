// The pickle machine: values, limits, and that only data are accepted. Expected values are those of
// Python's pickletools and pickle.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/texts.h"
#include "tests/weights/formats/pickle_text.h"
#include "weights_tools/formats/pickle/pickle.h"

using namespace quantring;
using namespace quantring::test;
using weights::Pickle;
using weights::PickleName;
using weights::PickleRole;
using weights::PickleValue;
using Kind = PickleValue::Kind;

namespace {

constexpr PickleName names[] = {{"collections.OrderedDict", PickleRole::mapping},
                                {"torch._utils._rebuild", PickleRole::call},
                                {"argparse.Namespace", PickleRole::opaque}};

std::unique_ptr<Pickle> load(const std::string& text) {
  const auto* const data = reinterpret_cast<const std::byte*>(text.data());
  return std::make_unique<Pickle>(std::vector<std::byte>(data, data + text.size()), names, "f.pth");
}

std::string refusal(const std::string& text) {
  return error_of([&] { load(text); });
}

std::int64_t integer_of(const std::string& body) {
  const auto loaded = load(pickle(body));
  REQUIRE(loaded->root().is(Kind::integer));
  return loaded->root().integer;
}

}  // namespace

TEST_CASE("integers of every opcode") {
  CHECK(integer_of("K\xff") == 255);
  CHECK(integer_of("M\xff\xff") == 65535);
  CHECK(integer_of("J\xff\xff\xff\xff") == -1);
  CHECK(integer_of(bytes("J\x00\x00\x00\x80")) == -2147483648LL);
  CHECK(integer_of(bytes("\x8a\x00")) == 0);
  CHECK(integer_of(bytes("\x8a\x01\xff")) == -1);
  CHECK(integer_of(bytes("\x8a\x02\xff\x00")) == 255);
  CHECK(integer_of(bytes("\x8a\x06\x00\x00\x00\x00\x00\x01")) == 1LL << 40);
  CHECK(integer_of(bytes("\x8b\x02\x00\x00\x00\x00\x80")) == -32768);
  CHECK(integer_of("I-12\n") == -12);
  CHECK(integer_of("L1099511627776L\n") == 1LL << 40);
  CHECK(load(pickle("I01\n"))->root().is(Kind::boolean));
  CHECK(load(pickle("L99999999999999999999L\n"))->root().is(Kind::opaque));
  CHECK(load(pickle(bytes("\x8a\x09") + std::string(9, '\x01')))->root().is(Kind::opaque));
  CHECK(contains(refusal(pickle("Ix\n")), "a number is malformed"));
  CHECK(contains(refusal(pickle("I\n")), "a number is malformed"));
}

TEST_CASE("containers, memo and sharing") {
  // {"a": [1, 2], "b": the same list, "c": (1, None, True)}
  const auto loaded = load(pickle("}q\x01(" + text("a") + "]q\x02(K\x01K\x02" + "e" + text("b") +
                                  "h\x02" + text("c") + "(K\x01N\x88tu"));
  const PickleValue& root = loaded->root();
  REQUIRE(root.is(Kind::dict));
  REQUIRE(root.items.size() == 6);
  CHECK(root.items[0]->text == "a");
  REQUIRE(root.items[1]->is(Kind::list));
  CHECK(root.items[1]->items.size() == 2);
  CHECK(root.items[1] == root.items[3]);
  REQUIRE(root.items[5]->is(Kind::tuple));
  CHECK(root.items[5]->items[0]->integer == 1);
  CHECK(root.items[5]->items[1]->is(Kind::none));
  CHECK(root.items[5]->items[2]->integer == 1);
  CHECK(load(pickle("(NNl"))->root().items.size() == 2);
  CHECK(load(pickle("(NNNNd"))->root().items.size() == 4);
  CHECK(load(pickle("NNN\x87"))->root().items.size() == 3);
}

TEST_CASE("names: dictionaries, calls, unused values") {
  const std::string ordered = name("collections", "OrderedDict");
  auto loaded =
      load(pickle(ordered + ")R(" + text("a") + "K\x01u}" + text("_metadata") + ordered + ")Rsb"));
  REQUIRE(loaded->root().is(Kind::dict));
  CHECK(loaded->root().items.size() == 2);  // the state of BUILD is not an entry

  loaded = load(pickle(name("torch._utils", "_rebuild") + "(K\x01K\x02tR"));
  REQUIRE(loaded->root().is(Kind::call));
  CHECK(loaded->root().items[0]->text == "torch._utils._rebuild");
  CHECK(loaded->root().items[1]->items[1]->integer == 2);

  CHECK(load(pickle(name("argparse", "Namespace") + ")\x81}" + text("lr") + "K\x01sb"))
            ->root()
            .is(Kind::opaque));
  CHECK(load(pickle(text("collections") + text("OrderedDict") + "\x93)R"))->root().is(Kind::dict));
  CHECK(load(pickle("(K\x01tQ"))->root().is(Kind::persistent));
  // A state could change the values of a tensor.
  CHECK(contains(refusal(pickle(name("torch._utils", "_rebuild") + ")R}b")),
                 "a value that has no state is given one"));
  CHECK(contains(refusal(pickle(name("torch._utils", "_rebuild") + ")\x81")),
                 "a function is used as a class"));
}

TEST_CASE("errors for names that could run code") {
  for (const std::string& attack :
       {name("posix", "system") + text("id") + "\x85R", name("posix", "system"),
        text("posix") + text("system") + "\x93" + text("id") + "\x85R"}) {
    const std::string message = refusal(pickle(attack));
    CHECK(contains(message, "'f.pth': its pickle names posix.system"));
    CHECK(contains(message, "nothing was executed"));
    CHECK(contains(message, "torch.save(model.state_dict()"));
  }
  // Names must match completely.
  CHECK(contains(refusal(pickle(name("kollections", "OrderedDict"))), "kollections"));
  CHECK(contains(refusal(pickle(name("collections", "UnorderDict"))), "UnorderDict"));
  CHECK(contains(refusal(pickle(name("collections", "OrderedDictX"))), "OrderedDictX"));
  CHECK(contains(refusal(pickle(name("xcollections", "OrderedDict"))), "xcollections"));
  CHECK(contains(refusal(pickle(name("collections.OrderedDict", ""))),
                 "which a state dict does not need"));
  CHECK(contains(refusal(pickle(name("", "collections.OrderedDict"))),
                 "which a state dict does not need"));
  // INST, OBJ, EXT1, EXT2, EXT4, PERSID, NEWOBJ_EX, NEXT_BUFFER, and one that does not exist.
  for (const std::string& opcode : {bytes("(iposix\nsystem\n"), bytes("(o"), bytes("\x82\x01"),
                                    bytes("\x83\x01\x00"), bytes("\x84\x01\x00\x00\x00"),
                                    bytes("P0\n"), bytes("\x92"), bytes("\x97"), bytes("\xff")}) {
    CHECK(contains(refusal(pickle(opcode)), "nothing was executed"));
  }
  // Control characters of a name do not reach the terminal.
  const std::string message = refusal(pickle(name("a\x1b[2J", "b")));
  CHECK(contains(message, "a?[2J.b"));
}

TEST_CASE("a pickled object has another error than an attack") {
  for (const std::string& memo :
       {bytes(""), bytes("q\x00"), bytes("r\x00\x00\x00\x00"), bytes("\x94")}) {
    const std::string message = refusal(pickle(name("timm.models", "ViT") + memo + ")\x81"));
    CHECK(contains(message, "contains a Python object of class timm.models.ViT"));
    CHECK(contains(message, "torch.save(model.state_dict()"));
  }
}

TEST_CASE("errors for damaged pickles") {
  CHECK(contains(refusal(""), "1 more bytes are needed"));
  CHECK(contains(refusal(pickle("")), "does not end with a single value"));
  CHECK(contains(refusal(pickle("NN")), "does not end with a single value"));
  CHECK(contains(refusal(pickle("N") + "N"), "does not end with a single value"));
  CHECK(contains(refusal(pickle("(N")), "does not end with a single value"));
  CHECK(contains(refusal("\x80\x06N."), "protocol 6"));
  CHECK(contains(refusal(pickle("0")), "its stack is empty"));
  CHECK(contains(refusal(pickle("N(0(\x85")), "its stack is empty"));  // behind a mark
  CHECK(contains(refusal(pickle("t")), "a mark is missing"));
  CHECK(contains(refusal(pickle("h\x05")), "memo 5 was never set"));
  CHECK(contains(refusal(pickle("Nq\x05h\x04")), "memo 4 was never set"));
  CHECK(contains(refusal(pickle("}(Nu")), "a key has no value"));
  CHECK(contains(refusal(pickle("](NNu")), "not a container of that kind"));
  CHECK(contains(refusal(pickle("}Na")), "not a container of that kind"));
  CHECK(contains(refusal(pickle("N)R")), "is not a name"));
  CHECK(contains(refusal(pickle("cposix")), "a line has no end"));
  CHECK(contains(refusal(pickle("NN\x93")), "a name is not text"));
  CHECK(contains(refusal(pickle(std::string("\x95") + little(100, 8) + "N")),
                 "a frame extends past the end"));
}

TEST_CASE("false sizes do not allocate memory") {
  CHECK(contains(refusal(pickle(bytes("X\xff\xff\xff\xff"))), "more bytes are needed"));
  CHECK(contains(refusal(pickle(std::string("\x8d") + little(~0ull, 8))), "more bytes are needed"));
  CHECK(contains(refusal(pickle(std::string("\x8e") + little(~0ull, 8))), "more bytes are needed"));
  CHECK(contains(refusal(pickle(bytes("\x8b\xff\xff\xff\xff"))), "more bytes are needed"));
  CHECK(contains(refusal(pickle(bytes("Nr\xff\xff\xff\xff"))), "its memo is too large"));
}

TEST_CASE("text must be UTF-8") {
  CHECK(load(pickle(text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")))->root().is(Kind::text));
  for (const std::string wrong :
       {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CHECK(contains(refusal(pickle(text(wrong))), "not UTF-8"));
  }
  CHECK(load(pickle(bytes("U\x01\x80")))->root().is(Kind::opaque));  // Python 2's bytes
  CHECK(load(pickle(bytes("U\x01x")))->root().is(Kind::text));
}

TEST_CASE("deep nesting is read or an error, never a stack overflow") {
  constexpr std::size_t depth = 1'000'000;
  CHECK(refusal(pickle("N" + std::string(depth, '\x85'))) == no_error);
  CHECK(contains(refusal(pickle(std::string(2 * depth, '('))), "too many marks"));
  CHECK(contains(refusal(pickle(std::string(2 * depth, 'N'))), "its stack is too large"));
  CHECK(contains(refusal(pickle(std::string(2 * depth, '}'))), "more than 1048576 values"));
  CHECK(refusal(pickle(std::string(depth, '(') + std::string(depth, 't'))) == no_error);
  std::string lists;
  for (std::size_t i = 0; i < depth; ++i) lists += ']';
  CHECK(refusal(pickle(lists + std::string(depth - 1, 'a'))) == no_error);
}

TEST_CASE("a memo bomb takes no more memory than its file") {
  // Every level has ten references to the one before, 10^30 values in total.
  const auto memo = [](const char* opcode, int i) {
    return std::string(opcode) + static_cast<char>(i);
  };
  std::string bomb = "(]" + memo("q", 0);
  for (int level = 1; level <= 30; ++level) {
    bomb += "](";
    for (int i = 0; i < 10; ++i) bomb += memo("h", level - 1);
    bomb += memo("eq", level);
  }
  const auto loaded = load(pickle(bomb + "1" + memo("h", 30)));
  const PickleValue* value = &loaded->root();
  for (int level = 30; level > 0; --level) {
    REQUIRE(value->items.size() == 10);
    CHECK(value->items[0] == value->items[9]);
    value = value->items[0];
  }
  // A list that contains itself.
  const auto loop = load(pickle(bytes("]q\x00h\x00") + "a"));
  CHECK(loop->root().items[0] == &loop->root());
}

TEST_CASE("truncation and flipped bits give a value or an error") {
  const std::string good = pickle("}q\x01(" + text("weights") + name("torch._utils", "_rebuild") +
                                  "(K\x01](K\x02M\x03\x04" + "et" + "R" + text("other") +
                                  name("collections", "OrderedDict") + ")R" + text("x") +
                                  name("argparse", "Namespace") + ")\x81}b" + "u");
  REQUIRE(refusal(good) == no_error);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(refusal(good.substr(0, size)) != no_error);
  }
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    refusal(bad);
  }
}
