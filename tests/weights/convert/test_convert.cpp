// Conversion, verification, and errors for damaged model files.

#include <doctest/doctest.h>

#include <cstring>
#include <limits>

#include "engine/model/random_model.h"
#include "ops/base/error.h"
#include "ops/half.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/texts.h"
#include "weights_tools/convert/convert.h"
#include "weights_tools/inspect/inspect.h"
#include "weights_tools/model/verify.h"

using namespace quantring;
using test::contains;
using test::error_of;
using test::no_error;
using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace {

constexpr int dim = 8, depth = 2, classes = 5;

// A checkpoint with timm's names and distinct values. change: edits a tensor before it is written.
void write_timm(const std::filesystem::path& path,
                const std::function<void(const std::string&, std::vector<float>&)>& change = {},
                const std::string& extra = {}) {
  struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
  };
  std::vector<Entry> entries = {{"cls_token", {1, 1, dim}},
                                {"pos_embed", {1, 5, dim}},
                                {"patch_embed.proj.weight", {dim, 3, 2, 2}},
                                {"patch_embed.proj.bias", {dim}},
                                {"norm.weight", {dim}},
                                {"norm.bias", {dim}},
                                {"head.weight", {classes, dim}},
                                {"head.bias", {classes}}};
  for (int i = 0; i < depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    const std::pair<const char*, std::vector<std::int64_t>> layers[] = {
        {"norm1", {dim}}, {"attn.qkv", {3 * dim, dim}}, {"attn.proj", {dim, dim}},
        {"norm2", {dim}}, {"mlp.fc1", {16, dim}},       {"mlp.fc2", {dim, 16}}};
    for (const auto& [name, shape] : layers) {
      entries.push_back({block + name + ".weight", shape});
      entries.push_back({block + name + ".bias", {shape[0]}});
    }
  }
  if (!extra.empty()) entries.push_back({extra, {dim}});
  SafetensorsWriter writer(path);
  for (const Entry& entry : entries) writer.declare(entry.name, "F32", entry.shape);
  writer.begin({});
  float value = 0.001f;
  for (const Entry& entry : entries) {
    std::size_t count = 1;
    for (const auto size : entry.shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    for (float& v : values) v = (value += 0.0137f);
    if (change) change(entry.name, values);
    writer.write(std::as_bytes(std::span(values)));
  }
  writer.commit();
}

weights::ConvertOptions options_for(const TemporaryFolder& folder) {
  weights::ConvertOptions options;
  options.input = folder / "timm.safetensors";
  options.output = folder / "model.safetensors";
  options.hints.heads = 2;
  options.hints.resize = "none";
  options.hints.mean = {0.1f, 0.2f, 0.3f};
  options.hints.std = {0.4f, 0.5f, 0.6f};
  return options;
}

weights::ConvertReport convert(const weights::ConvertOptions& options) {
  return weights::convert(options, [](std::uint64_t, std::uint64_t) {});
}

}  // namespace

TEST_CASE("a model file has the values of the timm checkpoint") {
  const TemporaryFolder folder;
  write_timm(folder / "timm.safetensors");
  auto options = options_for(folder);
  for (const auto storage : {StorageType::f32, StorageType::f16}) {
    options.storage = storage;
    const auto report = convert(options);
    const ModelFile model(options.output);
    CHECK(model.hash() == report.hash);
    CHECK(model.architecture().dim == dim);
    CHECK(model.architecture().depth == depth);
    CHECK(model.architecture().image_height == 4);
    CHECK(model.architecture().tokens() == 5);
    CHECK(model.preprocess().mean == options.hints.mean);
    CHECK(weights::verify(model).tensors == tensor_specs(model.architecture()).size());

    const SafetensorsFile source(options.input);
    const std::vector<std::byte> qkv = source.read("blocks.1.attn.qkv.weight");
    const ModelTensor stored = model.tensor("blocks.1.attn.qkv.weight");
    for (std::int64_t i = 0; i < stored.shape.elements(); ++i) {
      float expected = 0;
      std::memcpy(&expected, qkv.data() + 4 * i, 4);
      if (storage == StorageType::f32) {
        CHECK(stored.f32()[i] == expected);
      } else {
        CHECK(static_cast<const std::uint16_t*>(stored.data)[i] == float_to_half(expected));
      }
    }
  }
}

TEST_CASE("errors for missing facts name the flags") {
  const TemporaryFolder folder;
  write_timm(folder / "timm.safetensors");
  auto options = options_for(folder);
  options.hints.heads.reset();
  CHECK(contains(error_of([&] { convert(options); }), "--heads"));
  options = options_for(folder);
  options.hints.resize.reset();
  CHECK(contains(error_of([&] { convert(options); }), "--resize"));
  options = options_for(folder);
  options.hints.mean.clear();
  CHECK(contains(error_of([&] { convert(options); }), "--mean"));
  options = options_for(folder);
  options.hints.heads = 3;
  CHECK(contains(error_of([&] { convert(options); }), "heads"));
  CHECK_FALSE(std::filesystem::exists(options.output));

  // The same facts from a config beside it.
  write_file(folder / "timm.config.json",
             R"({"num_heads": 2, "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6],
            "crop_pct": 0.5, "interpolation": "bicubic"}})");
  options.hints = {};
  convert(options);
  const ModelFile model(options.output);
  CHECK(model.architecture().heads == 2);
  CHECK(model.preprocess().resize_shorter == 8);
}

TEST_CASE("errors name unsupported parts and values that cannot be stored") {
  const TemporaryFolder folder;
  const auto options = options_for(folder);
  for (const char* extra : {"attn_pool.latent", "blocks.1.attn.rel_pos_h", "unknown"}) {
    CAPTURE(extra);
    write_timm(options.input, {}, extra);
    CHECK(contains(error_of([&] { convert(options); }), extra));
  }
  const auto set = [](float value) {
    return [value](const std::string& name, std::vector<float>& values) {
      if (name == "blocks.1.mlp.fc2.weight") values[7] = value;
    };
  };
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    write_timm(options.input, set(bad));
    CHECK(contains(error_of([&] { convert(options); }),
                   "timm.safetensors': tensor 'blocks.1.mlp.fc2.weight' holds NaN or infinity"));
  }
  write_timm(options.input, set(70000.0f));
  auto half = options;
  half.storage = StorageType::f16;
  CHECK(contains(error_of([&] { convert(half); }), "--dtype f32"));
  convert(options);  // no problem in f32
  CHECK(std::filesystem::exists(options.output));
}

TEST_CASE("the checkpoint is not overwritten, and a model file is not a checkpoint") {
  const TemporaryFolder folder;
  auto options = options_for(folder);
  write_timm(options.input);
  const std::string before = read_file(options.input);
  options.output = options.input;
  CHECK(contains(error_of([&] { convert(options); }), "the checkpoint itself"));
  std::filesystem::create_hard_link(options.input, folder / "link.safetensors");
  options.output = folder / "link.safetensors";
  CHECK(contains(error_of([&] { convert(options); }), "the checkpoint itself"));
  CHECK(read_file(options.input) == before);

  // A shard, when the input is the index.
  write_file(folder / "model.safetensors.index.json", [&] {
    std::string map;
    const SafetensorsFile file(options.input);
    for (const auto& [name, tensor] : file.tensors())
      map += (map.empty() ? "\"" : ",\"") + name + "\":\"timm.safetensors\"";
    return "{\"weight_map\":{" + map + "}}";
  }());
  options.input = folder / "model.safetensors.index.json";
  options.output = folder / "timm.safetensors";
  CHECK(contains(error_of([&] { convert(options); }), "the checkpoint itself"));
  CHECK(read_file(folder / "timm.safetensors") == before);
  options.output = folder / "model.safetensors";
  convert(options);

  options.input = options.output;
  options.output = folder / "again.safetensors";
  CHECK(contains(error_of([&] { convert(options); }), "already a model file"));
}

TEST_CASE("no other input file is overwritten") {
  const TemporaryFolder folder;
  auto options = options_for(folder);
  write_timm(options.input);
  options.labels = folder / "labels.txt";
  write_file(options.labels, "0\n1\n2\n3\n4\n");
  options.config = folder / "other.json";
  const auto refused = [&](const std::filesystem::path& output) {
    options.output = output;
    const std::string before = read_file(output);
    const std::string message = error_of([&] { convert(options); });
    CHECK(read_file(output) == before);
    return message;
  };
  for (const char* config :
       {"other.json", "config.json", "timm.config.json", "preprocessor_config.json"}) {
    write_file(folder / config, "{}");
    CHECK(contains(refused(folder / config), "config; give the model file another name"));
  }
  CHECK(contains(refused(options.labels), "is the file of --labels; give"));

  // The head as a folder, and as an index.
  std::filesystem::create_directory(folder / "head");
  options.head = folder / "head";
  SafetensorsWriter writer(folder / "head/probe.safetensors");
  writer.declare("weight", "F32", {classes, dim});
  writer.begin({});
  const std::vector<float> matrix(classes * dim);
  writer.write(std::as_bytes(std::span(matrix)));
  writer.commit();
  CHECK(contains(refused(folder / "head/probe.safetensors"), "is the file of --head; give"));
  const auto index = folder / "head/model.safetensors.index.json";
  write_file(index, R"({"weight_map": {"weight": "probe.safetensors"}})");
  CHECK(contains(refused(folder / "head/probe.safetensors"), "is the file of --head; give"));
  CHECK(contains(refused(index), "is the file of --head; give"));
}

TEST_CASE("progress counts the written bytes") {
  const TemporaryFolder folder;
  const auto options = options_for(folder);
  write_timm(options.input);
  std::uint64_t last = 0, whole = 0;
  const auto report = weights::convert(options, [&](std::uint64_t done, std::uint64_t all) {
    CHECK(done >= last);
    last = done;
    whole = all;
  });
  CHECK(last == whole);
  CHECK(whole == report.bytes);
}

TEST_CASE("labels of a file override those of the config") {
  const TemporaryFolder folder;
  auto options = options_for(folder);
  write_timm(options.input);
  write_file(folder / "timm.config.json",
             R"({"num_heads": 2, "label_names": ["n0", "n1", "n2", "n3", "n4"]})");
  options.labels = folder / "labels.txt";
  write_file(options.labels, "zero\none\ntwo\nthree\nfour\n");
  const auto report = convert(options);
  CHECK(ModelFile(options.output).labels()[1] == "one");
  std::size_t findings = 0;
  for (const auto& finding : report.findings) findings += finding.what == "labels";
  CHECK(findings == 1);
}

TEST_CASE("a failed conversion leaves no file") {
  const TemporaryFolder folder;
  auto options = options_for(folder);
  write_timm(options.input);
  options.labels = folder / "labels.txt";
  write_file(options.labels, "one\ntwo\n");
  CHECK(contains(error_of([&] { convert(options); }), "has 2 class names"));
  options.labels.clear();
  options.output = folder / "no such folder/model.safetensors";
  CHECK(contains(error_of([&] { convert(options); }), "no such folder"));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / ""))
    files += entry.is_regular_file();
  CHECK(files == 2);  // the checkpoint and the labels
}

TEST_CASE("a damaged model file is an error") {
  const TemporaryFolder folder;
  const auto options = options_for(folder);
  write_timm(options.input);
  convert(options);
  const std::string whole = read_file(options.output);
  const auto path = folder / "damaged.safetensors";
  const auto check = [&] {
    const ModelFile model(path);
    weights::verify(model);
  };
  write_file(path, whole);
  CHECK(error_of(check) == no_error);

  SUBCASE("truncated") {
    for (const std::size_t length : {std::size_t{0}, std::size_t{5}, std::size_t{8},
                                     std::size_t{300}, whole.size() / 2, whole.size() - 1}) {
      CAPTURE(length);
      write_file(path, whole.substr(0, length));
      CHECK(contains(error_of(check), path.string()));
    }
  }
  SUBCASE("one bit flipped") {
    for (std::size_t i = 0; i < whole.size(); i += 97) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ 4);
      write_file(path, changed);
      const std::string message = error_of(check);
      // The hashes cover everything except the labels and the padding after the header.
      const auto labels = whole.find("quantring.labels");
      const bool outside = whole[i] == ' ' || (i >= labels && i < labels + 40);
      CHECK((outside || contains(message, path.string())));
    }
  }
  SUBCASE("another program's safetensors") {
    CHECK(contains(error_of([&] { ModelFile model(options.input); }), "quantring-weights convert"));
  }
  SUBCASE("missing") {
    CHECK(contains(error_of([&] { ModelFile model(folder / "nothing"); }), "No such file"));
  }
}

TEST_CASE("inspect shows the converted model") {
  const TemporaryFolder folder;
  const auto options = options_for(folder);
  write_timm(options.input);
  convert(options);
  const ModelFile model(options.output);
  const std::string text = weights::inspect_text(model);
  CHECK(contains(text, "2 blocks, dim 8, 2 heads of 4"));
  CHECK(contains(weights::inspect_json(model), "\"parameters\""));
}
