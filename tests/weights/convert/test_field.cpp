// The checkpoints of ../shared/field/ckpt: what people bring beside published files.

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/texts.h"
#include "weights_tools/convert/convert.h"
#include "weights_tools/formats/checkpoint.h"

using namespace quantring;
namespace fs = std::filesystem;

namespace {

std::string convert(const fs::path& input, const fs::path& config, const fs::path& output,
                    const fs::path& labels = {}) {
  weights::ConvertOptions options;
  options.input = input;
  options.config = config;
  options.output = output;
  options.labels = labels;
  return weights::convert(options, [](std::uint64_t, std::uint64_t) {}).hash;
}

// The ViT of a checkpoint under timm's own names.
void write_plain(const fs::path& from, const fs::path& to) {
  const auto opened = weights::open_checkpoint(from);
  std::vector<std::pair<std::string, std::string>> names;  // here, there
  for (const auto& [name, info] : opened.checkpoint->tensors()) {
    std::string plain = name;
    for (const std::string prefix : {"model.", "net."})
      if (plain.rfind(prefix, 0) == 0) plain.erase(0, prefix.size());
    if (plain.rfind("head.1.", 0) == 0) plain.replace(0, 7, "head.");
    if (plain.rfind("criterion", 0) != 0 && plain.rfind("train_acc", 0) != 0)
      names.emplace_back(name, plain);
  }
  SafetensorsWriter writer(to);
  for (const auto& [name, plain] : names)
    writer.declare(plain, "F32", opened.checkpoint->tensors().at(name).shape);
  writer.begin({});
  for (const auto& [name, plain] : names) {
    const std::vector<float> values = opened.checkpoint->read(name);
    writer.write(std::as_bytes(std::span(values)));
  }
  writer.commit();
}

}  // namespace

TEST_CASE("own heads, prefixes and tensors beside the ViT give the model of the plain names") {
  const auto field = test::golden("field/ckpt");
  if (!field) return;
  const test::TemporaryFolder folder;
  for (const char* const name :
       {"head_sequential_dropout/model.safetensors", "lightning_class_weights/last.ckpt",
        "pfx_net/model.safetensors"}) {
    CAPTURE(name);
    const fs::path file = *field / name, config = file.parent_path() / "config.json";
    write_plain(file, folder / "plain.safetensors");
    const std::string expected =
        convert(folder / "plain.safetensors", config, folder / "a.safetensors");
    CHECK(convert(file, {}, folder / "b.safetensors") == expected);
  }
}

TEST_CASE("multi-label models and those of one logit have independent classes") {
  const auto field = test::golden("field/ckpt");
  if (!field) return;
  const test::TemporaryFolder folder;
  for (const char* const name : {"multi_label", "one_logit"}) {
    convert(*field / name, {}, folder / "m.safetensors");
    CHECK(ModelFile(folder / "m.safetensors").independent_classes());
  }
  convert(*field / "lab_int_values", {}, folder / "m.safetensors");
  const ModelFile model(folder / "m.safetensors");
  CHECK_FALSE(model.independent_classes());
  CHECK(model.labels().size() == 10);
  CHECK(model.labels()[7] == "7");
  test::write_file(folder / "names.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  convert(*field / "lab_int_values", {}, folder / "m.safetensors", folder / "names.txt");
  CHECK(ModelFile(folder / "m.safetensors").labels()[9] == "j");
}

TEST_CASE("a file that has the name of a published model: the error proposes --like, which works") {
  const auto deit = test::golden("models/deit_tiny_patch16_224.safetensors");
  if (!deit) return;
  const test::TemporaryFolder folder;
  weights::ConvertOptions options;
  options.input = *deit;
  options.output = folder / "m.safetensors";
  const auto run = [&] { weights::convert(options, [](std::uint64_t, std::uint64_t) {}); };
  CHECK(test::contains(test::error_of(run), "--like deit_tiny_patch16_224 -o"));
  options.like = "deit_tiny_patch16_224";
  run();
  const ModelFile model(options.output);
  CHECK(model.architecture().heads == 3);
  CHECK(model.preprocess().resize_shorter == 248);  // crop_pct 0.9
  CHECK(model.labels()[207] == "Golden Retriever");
  // Of another width.
  options.like = "deit_small_patch16_224";
  CHECK(test::contains(test::error_of(run), "name the right one with --like"));
}
