// Parts of a model file: their contents, their metadata, and invalid ones.

#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "engine/model/model_file.h"
#include "tests/weights/model/models.h"
#include "weights_tools/model/shard.h"
#include "weights_tools/model/verify.h"

using namespace quantring;
using namespace quantring::test;

namespace {

using Metadata = std::map<std::string, std::string>;

std::string text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

void shard(const std::filesystem::path& model, const std::string& layers,
           const std::filesystem::path& output) {
  weights::shard(ModelFile(model), layers, output);
}

// Copies a model file with changed metadata and the tensors that `keep` selects.
void rewrite(const std::filesystem::path& from, const std::filesystem::path& to,
             const std::function<void(Metadata&)>& change,
             const std::function<bool(const std::string&)>& keep) {
  const SafetensorsFile file(from);
  Metadata metadata = file.metadata();
  change(metadata);
  SafetensorsWriter writer(to);
  for (const auto& [name, tensor] : file.tensors()) {
    if (keep(name)) writer.declare(name, tensor.dtype, tensor.shape);
  }
  writer.begin(metadata);
  for (const auto& [name, tensor] : file.tensors()) {
    if (keep(name)) writer.write(file.read(tensor));
  }
  writer.commit();
}

}  // namespace

TEST_CASE("three parts together have the tensors of the model, byte for byte") {
  for (const StorageType storage : {StorageType::f32, StorageType::f16}) {
    const TemporaryFolder folder;
    const auto path = folder / "model.safetensors";
    const std::string hash = write_small_model(path, ten_labels(), storage);
    const ModelFile whole(path);
    CHECK(whole.whole());
    CHECK(whole.part() == StageRange{0, 12});
    std::set<std::string> seen;
    std::uint64_t bytes = 0;
    for (const char* layers : {"0-2", "2-4.5", "4.5-6"}) {
      const auto output = folder / (std::string(layers) + ".safetensors");
      const auto report = weights::shard(whole, layers, output);
      const ModelFile part(output);
      CHECK_FALSE(part.whole());
      CHECK(part_text(part.part()) == layers);
      CHECK(part.hash() == hash);
      CHECK(part.labels() == ten_labels());
      CHECK(part.digests() == whole.digests());
      CHECK(part.architecture() == whole.architecture());
      CHECK(part.preprocess() == whole.preprocess());
      CHECK(weights::verify(part).tensors == report.tensors);
      for (const auto& [name, tensor] : part.tensors()) {
        CHECK(seen.insert(name).second);
        CHECK(text_of(part.bytes(name)) == text_of(whole.bytes(name)));
      }
      bytes += report.bytes;
      CHECK(report.bytes < report.whole_bytes);
      CHECK(SafetensorsFile(output).metadata().at("quantring.format") == "2");
    }
    CHECK(seen.size() == whole.tensors().size());
    std::uint64_t whole_bytes = 0;
    for (const auto& [name, tensor] : whole.tensors()) whole_bytes += tensor.bytes;
    CHECK(bytes == whole_bytes);
  }
}

TEST_CASE("a part of a part, and a part that is the whole model") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors");
  shard(folder / "model.safetensors", "1-5", folder / "part.safetensors");
  shard(folder / "part.safetensors", "2.5-4", folder / "smaller.safetensors");
  shard(folder / "model.safetensors", "2.5-4", folder / "direct.safetensors");
  CHECK(read_file(folder / "smaller.safetensors") == read_file(folder / "direct.safetensors"));
  shard(folder / "model.safetensors", "0-6", folder / "all.safetensors");
  CHECK(ModelFile(folder / "all.safetensors").whole());
  CHECK(SafetensorsFile(folder / "all.safetensors").metadata().at("quantring.format") == "1");
}

TEST_CASE("invalid ranges are errors of the options") {
  const TemporaryFolder folder;
  const auto model = folder / "model.safetensors", part = folder / "part.safetensors";
  write_small_model(model);
  shard(model, "1-5", part);
  const auto out = folder / "out.safetensors";
  for (const char* layers : {"", "3", "a-b", "3-2", "3-3", "-1-2", "0-2.25", "0-6 "}) {
    CAPTURE(layers);
    CHECK(
        contains(error_of([&] { shard(model, layers, out); }), std::string("--layers ") + layers));
  }
  CHECK(contains(error_of([&] { shard(model, "0-6.5", out); }), "has blocks 0-6"));
  CHECK(contains(error_of([&] { shard(model, "0-99999", out); }), "has blocks 0-6"));
  CHECK(contains(error_of([&] { shard(part, "0-3", out); }), "has blocks 1-5"));
  CHECK(contains(error_of([&] { shard(part, "3-5.5", out); }), "has blocks 1-5"));
  CHECK(contains(error_of([&] { shard(model, "0-3", model); }), "the model itself"));
  CHECK_THROWS_AS(shard(model, "0-6.5", out), OptionError);
  CHECK_THROWS_AS(shard(model, "a-b", out), OptionError);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("a damaged tensor is found when it is copied, and no file is written") {
  const TemporaryFolder folder;
  const auto model = folder / "model.safetensors";
  write_small_model(model);
  std::string bytes = read_file(model);
  const auto* data = [&] {
    const SafetensorsFile file(model);
    const std::string wanted = text_of(file.read("blocks.3.mlp.fc1.weight"));
    return bytes.data() + bytes.find(wanted);
  }();
  bytes[static_cast<std::size_t>(data - bytes.data()) + 9] ^= 1;
  write_file(model, bytes);
  CHECK(contains(error_of([&] { shard(model, "3-6", folder / "out.safetensors"); }),
                 "blocks.3.mlp.fc1.weight"));
  CHECK(files_in(folder.path()) == 1);
  shard(model, "0-3", folder / "undamaged.safetensors");  // the damage is outside this part
}

TEST_CASE("a part must have exactly its tensors") {
  const TemporaryFolder folder;
  const auto model = folder / "model.safetensors", bad = folder / "bad.safetensors";
  write_small_model(model);
  const auto open = [&] { return error_of([&] { ModelFile file(bad); }); };
  const auto all = [](const std::string&) { return true; };
  const auto set_part = [](const char* text) {
    return [text](Metadata& metadata) {
      metadata["quantring.format"].assign(1, '2');
      metadata["quantring.part"] = text;
    };
  };
  const auto in_middle = [](const std::string& name) {
    return name.find("blocks.2.") == 0 || name.find("blocks.3.") == 0;
  };
  rewrite(model, bad, set_part("2-4"), in_middle);
  CHECK(open() == no_error);
  rewrite(model, bad, set_part("2-4"), all);
  CHECK(contains(open(), "does not belong to blocks 2-4"));
  rewrite(model, bad, set_part("2-4"), [&](const std::string& name) {
    return in_middle(name) && name != "blocks.3.norm2.bias";
  });
  CHECK(contains(open(), "'blocks.3.norm2.bias' is missing"));
  for (const char* text : {"", "x", "4-2", "0-7", "0-6.5", "-2-4", "99999999999-3"}) {
    CAPTURE(text);
    rewrite(model, bad, set_part(text), in_middle);
    CHECK(contains(open(), "damaged"));
  }
  // The whole model without one tensor, and with an unknown format.
  rewrite(
      model, bad, [](Metadata&) {}, [](const std::string& name) { return name != "head.bias"; });
  CHECK(contains(open(), "'head.bias' is missing"));
  rewrite(
      model, bad, [](Metadata& metadata) { metadata["quantring.format"].assign(1, '4'); }, all);
  CHECK(contains(open(), "format 4"));
}

TEST_CASE("a tensor outside the part is an error") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors");
  shard(folder / "model.safetensors", "2-4", folder / "part.safetensors");
  const ModelFile part(folder / "part.safetensors");
  CHECK(contains(error_of([&] { part.tensor("head.weight"); }), "only blocks 2-4"));
}
