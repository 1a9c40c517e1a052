// Class names in a model file, changed in place.

#include <doctest/doctest.h>

#include "engine/model/model_file.h"
#include "tests/weights/model/models.h"
#include "weights_tools/model/labels_tool.h"
#include "weights_tools/model/shard.h"
#include "weights_tools/model/verify.h"

using namespace quantring;
using namespace quantring::test;

TEST_CASE("names are attached, replaced and removed; the identity stays") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  const std::string hash = write_small_model(path);
  const std::string without = read_bytes(path);
  CHECK(contains(message_of([&] { weights::labels_text(ModelFile(path)); }), "--set FILE"));

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
  CHECK(read_bytes(path) == without);
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a part's names too") {
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

TEST_CASE("wrong names leave the file as it was") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  write_small_model(path, ten_labels());
  const std::string before = read_bytes(path);
  CHECK(contains(message_of([&] { weights::set_labels(path, {"one", "two"}); }), "10 classes"));
  auto latin = ten_labels();
  latin.front().push_back('\xe4');
  CHECK(contains(message_of([&] { weights::set_labels(path, latin); }), "UTF-8"));
  CHECK(read_bytes(path) == before);
  // A damaged model is not copied into one that looks sound.
  std::string damaged = before;
  damaged[damaged.size() - 5] ^= 16;
  write_bytes(path, damaged);
  CHECK(contains(message_of([&] { weights::set_labels(path, ten_labels()); }), "damaged"));
  CHECK(read_bytes(path) == damaged);
  CHECK(files_in(folder) == 1);
}

TEST_CASE("control characters in names do not reach the terminal") {
  const TemporaryFolder folder;
  auto labels = ten_labels();
  labels[0] = "\x1b[31mred\n";
  write_small_model(folder / "model.safetensors", labels);
  const std::string text = weights::labels_text(ModelFile(folder / "model.safetensors"));
  CHECK(text.substr(0, 13) == "0\t?[31mred?\n1");
}
