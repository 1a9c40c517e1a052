#include <doctest/doctest.h>

#include <map>

#include "tests/support/golden.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/containers.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/npz.h"

using namespace quantring::weights;
using namespace quantring::test;

namespace {

using Values = std::map<std::string, std::vector<float>>;

constexpr const char* sound = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

// Reads all tensors of float types; the errors for the others must name their type.
Values read_all(const std::filesystem::path& path) {
  const auto checkpoint = open_npz(path);
  Values values;
  for (const auto& [name, tensor] : checkpoint->tensors()) {
    if (tensor.dtype == "I64" || tensor.dtype == "BOOL") {
      const std::string error = error_of([&, &key = name] { checkpoint->read(key); });
      CHECK(contains(error, "array '" + name + "': it has " + tensor.dtype + " values"));
    } else {
      values[name] = checkpoint->read(name);
    }
  }
  return values;
}

std::string refusal(const std::string& npy) {
  const auto path = memory_file(build_zip({{.name = "w.npy", .contents = npy, .deflate = true}}));
  return error_of([&] { open_npz(path)->read("w"); });
}

std::string with_header(const std::string& dictionary, std::size_t bytes = 24) {
  return refusal(build_npy(dictionary, std::string(bytes, '\0')));
}

}  // namespace

TEST_CASE("files saved by NumPy: types, shapes, both orders, stored and deflated") {
  for (const char* const file : {"stored.npz", "deflated.npz"}) {
    const auto checkpoint = open_npz(container(file));
    CHECK(checkpoint->format() == "NumPy npz");
    const auto is = [&](const std::string& name, const std::string& dtype,
                        const std::vector<std::int64_t>& shape) {
      const TensorInfo& tensor = checkpoint->tensors().at(name);
      return tensor.dtype == dtype && tensor.shape == shape;
    };
    CHECK(checkpoint->tensors().size() == 11);
    CHECK(is("f32", "F32", {2, 3, 4}));
    CHECK(is("f16", "F16", {5}));
    CHECK(is("f64", "F64", {3, 2}));
    CHECK(is("bf16", "BF16", {2, 5}));
    CHECK(is("params/Dense_0/kernel", "F32", {4, 6}));
    CHECK(is("scalar", "F32", {}));
    CHECK(is("none", "F32", {0, 7}));
    CHECK(is("columns", "F32", {3, 5}));
    CHECK(is("columns3", "F16", {2, 3, 4}));
    CHECK(is("step", "I64", {1}));
    CHECK(is("flag", "BOOL", {2}));
    const Values values = read_all(container(file));
    CHECK(values.size() == 9);
    for (const auto& array : values) {
      CAPTURE(array.first);
      CHECK(array.second == fixture_values(checkpoint->tensors().at(array.first).elements()));
    }
  }
}

TEST_CASE("a streamed archive with a folder") {
  const Values values = read_all(container("streamed.npz"));
  CHECK(values == Values{{"params/f16", fixture_values(5)}, {"params/f32", fixture_values(24)}});
}

TEST_CASE("Google's file of the golden data") {
  const auto path = golden("checkpoints/google_vit.npz");
  if (!path) return;
  const auto checkpoint = open_npz(*path);
  CHECK(checkpoint->tensors().size() == 72);
  CHECK(checkpoint->read("cls").size() == checkpoint->tensors().at("cls").elements());
}

TEST_CASE("errors for arrays other than weights name their type") {
  const auto error = [](const char* file) { return error_of([&] { open_npz(container(file)); }); };
  CHECK(contains(error("big_endian.npz"), "big_endian.npz': array 'weight' is big-endian"));
  CHECK(contains(error("objects.npz"), "array 'weight' contains Python objects (a pickle)"));
  CHECK(contains(error("strings.npz"), "array 'weight' has the element type '<U3'"));
  CHECK(contains(error("records.npz"), "array 'weight' contains records"));
  const auto path = memory_file(build_zip({{.name = "readme", .contents = "x"}}));
  CHECK(
      contains(error_of([&] { open_npz(path); }), "contains 'readme', which is not a NumPy array"));
}

TEST_CASE("only headers that NumPy accepts are valid") {
  for (const char* const good :
       {sound, "{'descr':'<f4','fortran_order':False,'shape':(2,3)}",
        "{\"shape\": (2, 3,), \"fortran_order\": False, \"descr\": \"|f4\"}   \n"}) {
    CHECK(with_header(good) == no_error);
  }
  for (const char* const bad :
       {"", "{", "{}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr' '<f4' 'fortran_order' False}", "{'descr': '<f4\\x34'}"}) {
    CAPTURE(bad);
    CHECK(contains(with_header(bad), "malformed NumPy header"));
  }
  for (const char* const type : {"<f16", "<c8", "<M8[s]", "<i3", "", "<<f4", "=f4", "|S4"}) {
    CAPTURE(type);
    CHECK(contains(with_header(std::string("{'descr': '") + type +
                               "', 'fortran_order': False, 'shape': (2, 3)}"),
                   "element type"));
  }
}

TEST_CASE("errors for shapes that do not fit the data, or are impossible") {
  const auto shaped = [&](const std::string& shape, std::size_t bytes = 24) {
    return with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ")}", bytes);
  };
  CHECK(shaped("2, 3") == no_error);
  CHECK(shaped("2, 3, 1, 1, 1, 1, 1, 1") == no_error);
  CHECK(contains(shaped("2, 3", 23), "does not have the size of its shape"));
  CHECK(contains(shaped("2, 3", 25), "does not have the size of its shape"));
  CHECK(contains(shaped("200, 300"), "does not have the size of its shape"));
  CHECK(contains(shaped("2, 3, 1, 1, 1, 1, 1, 1, 1"), "more than 8 dimensions"));
  CHECK(contains(shaped("18446744073709551622,"), "impossible shape"));  // 2^64 + 6
  CHECK(contains(shaped("4294967296, 4294967296, 6"), "impossible shape"));
  CHECK(contains(shaped("0, 4294967296, 4294967296", 0), "impossible shape"));
}

TEST_CASE("versions of the format, and truncated headers") {
  const std::string text = sound, values(24, '\0');
  const auto version = [&](int major, std::size_t length) {
    return refusal("\x93NUMPY" + little(static_cast<std::uint64_t>(major), 2) +
                   little(length, major == 1 ? 2 : 4) + text + values);
  };
  for (const int major : {1, 2, 3}) CHECK(version(major, text.size()) == no_error);
  CHECK(contains(version(4, text.size()), "newer than 3.0"));
  CHECK(contains(version(0, text.size()), "newer than 3.0"));
  CHECK(contains(version(1, 65535), "truncated or too long"));
  CHECK(contains(version(2, 0xFFFFFFFF), "truncated or too long"));
  CHECK(contains(refusal("no array"), "not a NumPy array"));
  CHECK(contains(refusal(""), "not a NumPy array"));
  CHECK(contains(with_header(std::string(sound) + std::string(20000, ' ')), "too long"));
  for (std::size_t size = 0; size < 10 + text.size() + 24; ++size) {
    CHECK(refusal(build_npy(text, values).substr(0, size)) != no_error);
  }
}

TEST_CASE("truncated files are errors; a flipped bit is an error or does not change the values") {
  for (const char* const file : {"stored.npz", "deflated.npz", "streamed.npz"}) {
    const std::string whole = read_file(container(file));
    const Values expected = read_all(container(file));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK(error_of([&] { open_npz(memory_file(whole.substr(0, size))); }) != no_error);
    }
    int wrong = 0;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      error_of([&] {
        const auto checkpoint = open_npz(memory_file(flipped));
        for (const auto& [name, tensor] : checkpoint->tensors()) {
          if (!expected.contains(name)) {
            error_of([&, &key = name] { checkpoint->read(key); });
          } else if (checkpoint->read(name) != expected.at(name)) {
            ++wrong;
          }
        }
      });
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("an entry with a size far beyond that of the file is an error") {
  std::string noise(80'000, '\0');
  std::uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  const TemporaryFolder folder;
  const auto error = [&](std::uint64_t claimed) {
    return error_of([&] {
      open_npz(write_file(
          folder / "a.npz",
          build_zip({{.name = "a.npy", .contents = noise, .deflate = true, .size = claimed}})));
    });
  };
  CHECK(contains(error(70 << 20), "weights do not compress like this"));
  CHECK(contains(error(60 << 20), "is not a NumPy array"));
}
