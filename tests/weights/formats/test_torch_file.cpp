// PyTorch files: files of PyTorch (make_torch_fixtures.py) give the same values as in PyTorch;
// invalid ones are errors.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/model/hash.h"
#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/memory_file.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"
#include "tests/weights/formats/pickle_text.h"
#include "tests/weights/formats/torch_archive.h"
#include "weights_tools/formats/torch/torch_file.h"

using namespace quantring;
using namespace quantring::test;
using weights::Checkpoint;
using weights::open_torch_file;

namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(quantring::test::source_path("")) / "tests/weights/fixtures/torch" /
         name;
}

// Compares shape and bits of every tensor of PREFIX/.
void check_reads_as_expected(const Checkpoint& checkpoint, const std::string& prefix) {
  const SafetensorsFile expected(fixture("expected.safetensors"));
  std::size_t compared = 0;
  for (const auto& item : expected.tensors()) {
    const auto& full = item.first;
    const auto& tensor = item.second;
    if (!full.starts_with(prefix + "/")) continue;
    const std::string name = full.substr(prefix.size() + 1);
    CAPTURE(full);
    REQUIRE(checkpoint.tensors().contains(name));
    CHECK(checkpoint.tensors().at(name).shape == tensor.shape);
    const std::vector<std::byte> data = expected.read(tensor);
    std::vector<float> values(data.size() / 4);
    if (!values.empty()) std::memcpy(values.data(), data.data(), data.size());
    CHECK(checkpoint.read(name) == values);
    ++compared;
  }
  CHECK(compared > 0);
}

std::string error_for(const std::filesystem::path& path, const std::string& part = {}) {
  return error_of([&] { open_torch_file(path, part); });
}

class Written {
 public:
  explicit Written(const std::string& archive) { write_file(path(), archive); }
  std::filesystem::path path() const { return folder_ / "w.pth"; }

 private:
  TemporaryFolder folder_;
};

std::string dictionary(const std::string& entries) {
  return "}(" + entries + "u";
}

std::string opening(const std::string& body) {
  return error_for(Written(torch_archive(pickle(body))).path());
}
std::string opening(const Tensor& tensor) {
  return opening(dictionary(text("x") + tensor.pickle()));
}

// Opens and reads everything; only Error may be thrown.
void read_all(const std::filesystem::path& path) {
  try {
    const auto checkpoint = open_torch_file(path, "");
    for (const auto& [name, info] : checkpoint->tensors()) {
      try {
        checkpoint->read(name);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
}

}  // namespace

TEST_CASE("element types, views, shared storages, parameters") {
  const auto checkpoint = open_torch_file(fixture("kinds.pth"), "");
  CHECK(checkpoint->format() == "PyTorch zip");
  check_reads_as_expected(*checkpoint, "kinds");
  const auto dtype = [&](const char* name) { return checkpoint->tensors().at(name).dtype; };
  CHECK(dtype("f32") == "F32");
  CHECK(dtype("f16") == "F16");
  CHECK(dtype("bf16") == "BF16");
  CHECK(dtype("f64") == "F64");
  CHECK(dtype("count") == "I64");
  CHECK(dtype("mask") == "BOOL");
  CHECK(dtype("small") == "U8");
  CHECK(dtype("newer") == "U16");
  CHECK(!checkpoint->tensors().contains("epoch"));
  CHECK(!checkpoint->tensors().contains("nested"));
  try {
    checkpoint->read("count");
    FAIL("an integer tensor was read as weights");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "kinds.pth': tensor 'count' is I64"));
  }
}

TEST_CASE("a module's state dict in every protocol") {
  for (const char* name : {"protocol1", "protocol2", "protocol3", "protocol4", "protocol5"}) {
    const auto checkpoint = open_torch_file(fixture(std::string(name) + ".pth"), "");
    CHECK(checkpoint->tensors().size() == 6);
    check_reads_as_expected(*checkpoint, name);
  }
}

TEST_CASE("the weights of a training checkpoint, beside options, optimizer and counters") {
  const auto checkpoint = open_torch_file(fixture("training.pth"), "");
  CHECK(checkpoint->format() == "PyTorch zip (model)");
  CHECK(checkpoint->tensors().size() == 3);
  check_reads_as_expected(*checkpoint, "training");
  CHECK(open_torch_file(fixture("training.pth"), "model")->tensors().size() == 3);
}

TEST_CASE("several sets of weights need --part") {
  const auto path = fixture("several.pth");
  CHECK(contains(error_for(path),
                 "has several sets of weights: student, teacher.backbone; "
                 "choose one with --part"));
  for (const char* part : {"student", "teacher.backbone"}) {
    const auto checkpoint = open_torch_file(path, part);
    CHECK(checkpoint->format() == "PyTorch zip (" + std::string(part) + ")");
    check_reads_as_expected(*checkpoint, "several/" + std::string(part));
  }
  CHECK_THROWS_AS(open_torch_file(path, "model_ema"), OptionError);
  CHECK_THROWS_AS(open_torch_file(path, ""), OptionError);
  for (const char* part : {"teacher", "model_ema", "epoch", "student.weight", ".", "student."}) {
    CHECK(contains(error_for(path, part), "it has them in: student, teacher.backbone"));
  }
}

TEST_CASE("errors for files without a state dict have the remedy") {
  const auto refused = [](const char* name) { return error_for(fixture(name)); };
  CHECK(contains(refused("module.pth"), "Python object of class torch.nn.modules.linear.Linear"));
  CHECK(contains(refused("module.pth"), "torch.save(model.state_dict(), "));
  CHECK(contains(refused("script.pth"), "is a TorchScript program"));
  CHECK(contains(refused("script.pth"), "torch.jit.load(FILE).state_dict()"));
  CHECK(contains(refused("sparse.pth"), "sparse tensor; save it dense"));
  CHECK(contains(refused("tensor.pth"), "contains a single tensor"));
  CHECK(contains(refused("none.pth"), "has no dictionary of tensors"));
  CHECK(contains(refused("negated.pth"), "tensor 'a' is a view that negates or conjugates"));
}

TEST_CASE("archives that are not of PyTorch") {
  const auto refused = [](const std::map<std::string, std::string>& entries) {
    return error_for(Written(zip_archive(entries)).path());
  };
  CHECK(contains(refused({{"a/other", "x"}}), "it has no data.pkl"));
  CHECK(contains(refused({{"data.pkl", "x"}}), "it has no data.pkl"));
  CHECK(contains(refused({{"a/b/data.pkl", "x"}}), "it has no data.pkl"));
  CHECK(
      contains(refused({{"a/data.pkl", "x"}, {"b/data.pkl", "x"}}), "contains two PyTorch files"));
  CHECK(contains(refused({{"a/data.pkl", "x"}, {"a/byteorder", "big"}}), "big-endian byte order"));
  CHECK(contains(refused({{"a/data.pkl", "x"}, {"a/byteorder", "?"}}), "unknown byte order"));
  CHECK(contains(refused({{"a/data.pkl", pickle("}")}}), "has no dictionary of tensors"));
}

TEST_CASE("valid tensors") {
  CHECK(opening(Tensor{}) == no_error);
  Tensor tensor;
  tensor.type = "LongStorage", tensor.storage_elements = 12;
  tensor.shape = dimensions({12}), tensor.strides = dimensions({1});
  CHECK(opening(tensor) == no_error);
  // Up to the last element; torch.Size as shape; any stride for a dimension of one element.
  Tensor last;
  last.offset = 2, last.shape = name("torch", "Size") + dimensions({2, 1, 8}) + "\x85R";
  last.strides = dimensions({14, 1ll << 62, 1});
  CHECK(opening(last) == no_error);
  last.offset = 3;
  CHECK(contains(opening(last), "tensor 'x' extends beyond its storage of 24 elements"));
  // Without elements, the offset does not matter.
  Tensor empty;
  empty.shape = dimensions({1ll << 40, 0}), empty.offset = 99;
  CHECK(opening(empty) == no_error);
}

TEST_CASE("errors for tensors beyond their storage, negative or too large") {
  const auto with = [](std::initializer_list<std::int64_t> shape,
                       std::initializer_list<std::int64_t> strides, std::int64_t offset = 0) {
    Tensor tensor;
    tensor.shape = dimensions(shape), tensor.strides = dimensions(strides);
    tensor.offset = offset;
    return opening(tensor);
  };
  const std::int64_t huge = 1ll << 62, max = 0x7FFFFFFFFFFFFFFF;
  CHECK(contains(with({25}, {1}), "extends beyond"));
  CHECK(contains(with({24}, {1}, 1), "extends beyond"));
  CHECK(contains(with({1}, {1}, 24), "extends beyond"));
  CHECK(contains(with({1}, {1}, max), "extends beyond"));
  CHECK(contains(with({2}, {24}), "extends beyond"));
  CHECK(contains(with({3, 3}, {huge, huge}), "extends beyond"));
  CHECK(contains(with({5}, {huge}), "extends beyond"));  // 4 * 2^62 = 0 in 64 bits
  CHECK(contains(with({huge, 4}, {0, 1}), "impossible number of elements"));
  CHECK(contains(with({huge, 4, 0}, {0, 1, 1}), "impossible number of elements"));
  CHECK(contains(with({1 << 20, 24}, {0, 1}), "expands a storage of 24 elements to 25165824"));
  CHECK(contains(with({-1}, {1}), "its shape is negative"));
  CHECK(contains(with({2}, {-1}), "its strides is negative"));
  CHECK(contains(with({2}, {1}, -1), "its offset is negative"));
  CHECK(contains(with({2}, {1, 1}), "strides that do not fit its shape"));
  CHECK(contains(with({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {}), "17 dimensions"));
  CHECK(with({1 << 10, 24}, {0, 1}) == no_error);
}

TEST_CASE("errors for storages that do not fit") {
  Tensor tensor;
  tensor.key = "4";
  CHECK(contains(opening(tensor), "tensor 'x': its storage is not in the file"));
  tensor.key = "../byteorder";
  CHECK(contains(opening(tensor), "its storage is not in the file"));
  tensor = Tensor{};
  tensor.storage_elements = 25;
  CHECK(contains(opening(tensor), "its storage has 96 bytes instead of 100"));
  tensor.storage_elements = (1ll << 62) + 24;  // times 4 is 96 in 64 bits
  CHECK(contains(opening(tensor), "a storage of impossible size"));
  tensor.storage_elements = -24;
  CHECK(contains(opening(tensor), "the size of its storage is negative"));
  tensor = Tensor{};
  tensor.type = "Size";
  CHECK(contains(opening(tensor), "elements of an unknown type"));
}

TEST_CASE("duplicate names are errors") {
  const std::string x = text("x") + Tensor{}.pickle();
  CHECK(contains(opening(dictionary(x + x)), "tensor 'x' appears twice"));
  CHECK(contains(opening(dictionary(x + text("x") + "N")), "tensor 'x' appears twice"));
}

TEST_CASE("dictionaries that contain each other, or the same tensors under many names") {
  const std::string x = text("x") + Tensor{}.pickle(), y = text("y") + Tensor{}.pickle();
  // {"self": itself, "model": {x, y}, "alias": the same}
  CHECK(opening("}q\x01(" + text("self") + "h\x01" + text("model") + dictionary(x + y) + "q\x02" +
                text("alias") + "h\x02u") == no_error);
  // A million paths through shared dictionaries; each dictionary is visited once.
  std::string shared = "}q\x03";
  for (int level = 4; level < 24; ++level) {
    shared += "(";
    for (const char* key : {"a", "b", "c", "d"}) {
      shared += text(key) + "h" + static_cast<char>(level - 1);
    }
    shared = std::string("}q") + static_cast<char>(level) + "0" + shared + "u";
  }
  opening(shared);
}

TEST_CASE("truncation and flipped bits of a pickle with a correct checksum") {
  const Tensor tensor;
  Tensor half;
  half.type = "HalfStorage", half.storage_elements = 48, half.key = "1";
  half.shape = dimensions({3, 2}), half.strides = dimensions({1, 8});
  const std::string good =
      pickle(dictionary(text("a") + tensor.pickle() + text("b") + half.pickle()));
  CHECK(error_for(Written(torch_archive(good)).path()) == no_error);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(error_for(memory_file(torch_archive(good.substr(0, size)))) != no_error);
  }
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    read_all(memory_file(torch_archive(bad)));
  }
}

TEST_CASE("a truncated PyTorch file is an error") {
  const std::string whole = read_file(fixture("protocol2.pth"));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    CHECK(error_for(memory_file(whole.substr(0, size))) != no_error);
  }
}

TEST_CASE("a flipped bit in a storage is an error") {
  std::string archive = torch_archive(pickle(dictionary(text("x") + Tensor{}.pickle())));
  const std::size_t at = archive.find(std::string("a/data/0") + '\0' + '\1');
  REQUIRE(at != std::string::npos);
  archive[at + 20] = static_cast<char>(archive[at + 20] ^ 1);
  const Written written(archive);
  const auto checkpoint = open_torch_file(written.path(), "");
  CHECK_THROWS_AS(checkpoint->read("x"), Error);
}

TEST_CASE("real checkpoints: names, shapes and values equal PyTorch's") {
  // sha256 over name and f32 bytes of every tensor, names sorted, by torch.load.
  const std::pair<const char*, const char*> files[] = {
      {"checkpoints/timm_vit_pth.pth",
       "972d5ead4413fd364db003be719c30ee5f5a45cc2a8c0a2cd69fde3286f9e841"},
      {"checkpoints/torchvision_vit.pth",
       "16545a1865d518f3d83ca7d819a43c714966076e15ee456ca57547546d003de9"}};
  for (const auto& [name, digest] : files) {
    const auto path = golden(name);
    if (!path) return;
    const auto checkpoint = open_torch_file(*path, "");
    std::string all;
    for (const auto& [tensor, info] : checkpoint->tensors()) {
      const std::vector<float> values = checkpoint->read(tensor);
      CHECK(values.size() == info.elements());
      all += tensor;
      all.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
    }
    CHECK(sha256_hex(all) == digest);
  }
}
