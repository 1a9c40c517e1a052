// `quantring calibrate`, and what the other commands do with its file.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "engine/codec/codec_file.h"
#include "engine/model/model_file.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using test::contains;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

struct Setup {
  TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string file = folder / "model.codec.safetensors";
  std::string images = test::write_idx(folder, 60);

  Setup() { test::write_tiny_model(model); }

  test::Outcome calibrate(std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), {program, "calibrate", images, "--model", model});
    return run(arguments);
  }
  test::Outcome evaluate(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {program, "evaluate", images, "--model", model, "--device", "cpu"});
    return run(arguments);
  }
};

}  // namespace

TEST_CASE("calibrate writes a file that belongs to the model, the same every time") {
  const Setup s;
  const auto outcome = s.calibrate({"--threads", "2"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK(contains(outcome.out, "calibrated on 45 pictures"));
  const CodecFile file(s.file);
  const ModelFile model(s.model);
  CHECK(file.model_hash() == model.hash());
  CHECK(static_cast<int>(file.cuts().size()) == model.architecture().half_blocks() - 1);
  for (const int cut : file.cuts()) {
    CAPTURE(cut);
    // Two blocks behind another cut there are points for streams that were coded there.
    CHECK(file.tables(cut).rates.size() ==
          klt_widths.size() + (cut > 4 ? klt_chained_widths.size() : 0));
  }
  CHECK(contains(file.ladder(), "raw32"));

  REQUIRE(s.calibrate({"--threads", "1"}).status == 0);
  CHECK(CodecFile(s.file).hash() == file.hash());
}

TEST_CASE("evaluate uses the file, or calibrates on one half and measures the other") {
  const Setup s;
  const auto refused = s.evaluate({"--codecs", "klt", "--cuts", "1"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.err, "quantring calibrate PHOTOS --model"));

  const auto fold = s.evaluate({"--codecs", "klt", "--cuts", "1", "--two-fold", "--json", "-"});
  CAPTURE(fold.err);
  REQUIRE(fold.status == 0);
  const auto folded = try_parse_json(fold.out);
  CHECK(folded.at("images") == 60);
  CHECK(folded.at("points").size() == 1 + klt_widths.size());  // and raw32

  REQUIRE(s.calibrate({"--cuts", "1", "--quick"}).status == 0);
  const auto outcome =
      s.evaluate({"--codecs", "klt,ptq", "--bits", "0.5,8", "--cuts", "1", "--json", "-"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto points = try_parse_json(outcome.out).at("points");
  REQUIRE(points.size() == 3);
  CHECK(points[1].at("bits") == 0.5);
  CHECK(points[1].at("bytes_per_image") < points[2].at("bytes_per_image"));
  // Without the cut in the file.
  CHECK(s.evaluate({"--codecs", "klt", "--cuts", "0.5"}).status == 1);
}

TEST_CASE("what cannot be calibrated is one line, and nothing is written") {
  const Setup s;
  const auto refused = [&](const test::Outcome& outcome, int status, const std::string& line) {
    CAPTURE(outcome.err);
    CHECK(outcome.status == status);
    CHECK(contains(outcome.err, line));
    CHECK_FALSE(std::filesystem::exists(s.file));
  };
  refused(s.calibrate({"--limit", "5"}), 1, "calibration needs at least 8");
  refused(s.calibrate({"--cuts", "99"}), 2, "is not a cut of this model");
  refused(run({program, "calibrate", s.folder / "nothing", "--model", s.model}), 1, "nothing");
  refused(run({program, "calibrate", s.images, "--model", s.images}), 1, "not a model file");
}

TEST_CASE("another model's file is refused") {
  const Setup s;
  REQUIRE(s.calibrate({"--cuts", "1", "--quick"}).status == 0);
  test::write_tiny_model(s.model, 99);
  const auto outcome = s.evaluate({"--codecs", "ptq", "--cuts", "1"});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "belongs to another model"));
}
