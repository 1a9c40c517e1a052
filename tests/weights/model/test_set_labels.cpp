// Labels of a model file, replaced in place.

#include <doctest/doctest.h>

#include "engine/model/model_file.h"
#include "tests/weights/model/models.h"
#include "weights_tools/model/set_labels.h"
#include "weights_tools/model/shard.h"
#include "weights_tools/model/verify.h"

using namespace quantring;
using namespace quantring::test;

TEST_CASE("labels are added, replaced and removed; the identity does not change") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const std::string hash = write_small_model(path);
  const std::string without = read_file(path);
  CHECK(contains(error_of([&] { weights::labels_text(ModelFile(path)); }), "--set FILE"));

  weights::set_labels(path, ten_labels());
  CHECK(weights::labels_text(ModelFile(path)).substr(0, 12) == "0\tant\n1\tbee\n");
  CHECK(ModelFile(path).hash() == hash);
  weights::verify(ModelFile(path));

  auto others = ten_labels();
  others[9] = "j\xc3\xa4ger, \"quoted\"";
  weights::set_labels(path, others);
  CHECK(ModelFile(path).labels() == others);
  CHECK(ModelFile(path).hash() == hash);

  weights::set_labels(path, {});
  CHECK(read_file(path) == without);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("labels of a part of a model") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors");
  const auto path = folder / "part.safetensors";
  weights::shard(ModelFile(folder / "model.safetensors"), "1.5-3", path);
  weights::set_labels(path, ten_labels());
  const ModelFile part(path);
  CHECK(part.labels() == ten_labels());
  CHECK(part.part() == StageRange{3, 6});
  weights::verify(part);
}

TEST_CASE("invalid labels leave the file unchanged") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  write_small_model(path, ten_labels());
  const std::string before = read_file(path);
  CHECK(contains(error_of([&] { weights::set_labels(path, {"one", "two"}); }), "10 classes"));
  auto latin = ten_labels();
  latin.front().push_back('\xe4');
  CHECK(contains(error_of([&] { weights::set_labels(path, latin); }), "UTF-8"));
  CHECK(read_file(path) == before);
  // The copy of a damaged model would look valid.
  std::string damaged = before;
  damaged[damaged.size() - 5] ^= 16;
  write_file(path, damaged);
  CHECK(contains(error_of([&] { weights::set_labels(path, ten_labels()); }), "damaged"));
  CHECK(read_file(path) == damaged);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("control characters in labels do not reach the terminal") {
  const TemporaryFolder folder;
  auto labels = ten_labels();
  labels[0] = "\x1b[31mred\n";
  write_small_model(folder / "model.safetensors", labels);
  const std::string text = weights::labels_text(ModelFile(folder / "model.safetensors"));
  CHECK(text.substr(0, 13) == "0\t?[31mred?\n1");
}

TEST_CASE("independent classes stay so in copies and parts, in a format of their own") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors", part = folder / "part.safetensors";
  const std::string hash = write_small_model(path, {}, StorageType::f32, 0.01f, true);
  write_small_model(part);
  CHECK_FALSE(ModelFile(part).independent_classes());
  CHECK(ModelFile(part).hash() == hash);
  weights::set_labels(path, ten_labels());
  weights::shard(ModelFile(path), "0-3", part);
  for (const auto& file : {path, part}) {
    CHECK(ModelFile(file).independent_classes());
    CHECK(SafetensorsFile(file).metadata().at("quantring.format") == "3");
  }
}
