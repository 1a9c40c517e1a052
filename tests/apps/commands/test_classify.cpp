// `quantring classify` with real node processes: the same answers whatever the ring.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>

#include "engine/codec/codec.h"
#include "engine/model/safetensors.h"
#include "engine/stage/topk.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

std::string logits_of(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto data = file.read("logits");
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace

TEST_CASE("a ring of any length gives the bits of one process") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 203);  // not a whole number of batches
  const auto classify = [&](std::vector<std::string> extra) {
    std::vector<std::string> command = {
        program, "classify", images,     "--model",
        model,   "--quiet",  "--logits", folder / "logits.safetensors"};
    command.insert(command.end(), extra.begin(), extra.end());
    const auto outcome = run(command);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    CHECK(contains(outcome.err, "203 images"));
    return logits_of(folder / "logits.safetensors");
  };
  const std::string alone = classify({});
  REQUIRE(alone.size() == 203 * 10 * 4);
  for (const char* stages : {"1", "2", "3", "6", "12"}) {
    CAPTURE(stages);
    CHECK(classify({"--stages", stages, "--codec", "raw32"}) == alone);
  }
  CHECK(classify({"--batch", "1"}) == alone);
  CHECK(classify({"--stages", "2", "--codec", "raw32", "--batch", "64", "--threads", "2"}) ==
        alone);
  // And a coarse codec does not: the comparison can fail.
  CHECK(classify({"--stages", "2", "--codec", "ptq", "--bits", "2"}) != alone);
}

TEST_CASE("ten thousand pictures through six stages: none lost, none twice, in order") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 10000);
  const auto outcome = run(
      {program, "classify", images, "--model", model, "--stages", "6", "--json", "--batch", "3"},
      300);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  std::istringstream lines(outcome.out);
  std::string line;
  int count = 0;
  bool in_order = true;
  while (std::getline(lines, line)) {
    const auto value = try_parse_json(line);
    in_order = in_order &&
               value.at("image").get<std::string>() == images + "#" + std::to_string(count) &&
               value.at("label").get<int>() == count % 10 && value.at("top").size() == 3;
    ++count;
  }
  CHECK(count == 10000);
  CHECK(in_order);
}

TEST_CASE("the closing table tells what crossed the links") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 64);
  const auto outcome = run({program, "classify", images, "--model", model, "--stages", "2",
                            "--codec", "ptq", "--bits", "3"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(contains(outcome.err, "top-1"));
  CHECK(contains(outcome.err, "0 -> 1"));
  CHECK(contains(outcome.err, "ptq 3"));
  // 5 tokens x 32 channels at 3 bits, and scale and offset: 60 + 8 bytes; and 64 pixels to stage 0.
  CHECK(contains(outcome.err, "  68  "));
  CHECK(contains(outcome.err, "  64  "));
  CHECK(contains(outcome.out, images + "#63: class "));
}

TEST_CASE("labels that are off by one are noticed by the answers") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 60);
  const std::vector<std::string> command = {program, "classify", images,  "--model",
                                            model,   "--json",   "--top", "1"};
  std::vector<int> classes;
  std::istringstream lines(run(command).out);
  for (std::string line; std::getline(lines, line);)
    classes.push_back(try_parse_json(line)["top"][0]["class"].get<int>());
  REQUIRE(classes.size() == 60);
  const auto report_with = [&](const std::function<int(int)>& label) {
    std::string bytes("\0\0\x08\x01\0\0\0\x3c", 8);
    for (const int each : classes) bytes += static_cast<char>(label(each));
    std::ofstream(folder / "some-labels-idx1-ubyte", std::ios::binary) << bytes;
    return run(command).err;
  };
  const std::string right = report_with([](int index) { return index; });
  CHECK(contains(right, "top-1 100.00 %"));
  CHECK_FALSE(contains(right, "off by one"));
  const std::string shifted = report_with([](int index) { return index > 0 ? index - 1 : 1; });
  CHECK(contains(shifted, "top-1 0.00 %"));
  CHECK(contains(shifted, "the labels seem to be off by one"));
}

TEST_CASE("every codec carries a ring") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 19);
  for (const CodecId id : known_codecs()) {
    // Calibrated codecs: tests/apps/session/test_ring_klt.cpp.
    if (id == CodecId::pixels || needs_tables(id)) continue;
    CAPTURE(codec_name(id));
    std::vector<std::string> command = {program,   "classify", images, "--model", model,
                                        "--quiet", "--stages", "3",    "--codec", codec_name(id)};
    if (has_widths(id)) command.insert(command.end(), {"--bits", "5"});
    const auto outcome = run(command);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.err, "19 images"));
    CHECK(contains(outcome.err, has_widths(id) ? codec_name(id) + " 5" : codec_name(id)));
  }
}

TEST_CASE("the likeliest classes, by softmax") {
  const std::vector<float> logits = {1.0f, 3.0f, 3.0f, -100.0f};
  const auto top = top_k(logits, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].index == 1);
  CHECK(top[1].index == 2);
  CHECK(top[2].index == 0);
  const double e = std::exp(-2.0);
  CHECK(top[0].probability == doctest::Approx(1 / (2 + e)));
  CHECK(top[2].probability == doctest::Approx(e / (2 + e)));
  CHECK(top_k(logits, 9).size() == 4);
}
