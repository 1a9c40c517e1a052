// `quantring evaluate` against a real ring over sockets.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/control/ladder.h"
#include "engine/model/safetensors.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/report/xml.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;
using nlohmann::json;
using test::contains;
using test::file_text;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

constexpr std::size_t pictures = 60, classes = 10;

struct Setup {
  TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  std::string images = test::write_idx(folder, pictures);  // picture i has class i % 10

  Setup() { test::write_tiny_model(model); }

  test::Outcome evaluate(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {program, "evaluate", images, "--model", model, "--device", "cpu"});
    return run(arguments);
  }
  json results(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-"});
    const auto outcome = evaluate(arguments);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    return try_parse_json(outcome.out);
  }
  // Logits of a ring of node processes.
  std::vector<float> ring_logits(std::vector<std::string> arguments) const {
    const std::string path = folder / "logits.safetensors";
    arguments.insert(arguments.begin(), {program, "classify", images, "--model", model, "--quiet",
                                         "--logits", path, "--device", "cpu"});
    const auto outcome = run(arguments);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    const SafetensorsFile file(path);
    const auto data = file.read("logits");
    std::vector<float> logits(data.size() / sizeof(float));
    std::memcpy(logits.data(), data.data(), data.size());
    REQUIRE(logits.size() == pictures * classes);
    return logits;
  }
  void refused(const std::vector<std::string>& arguments, int status,
               const std::string& line) const {
    const auto outcome = evaluate(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.status == status);
    CHECK(outcome.out == "");
    CHECK(contains(outcome.err, line));
    CHECK_FALSE(contains(outcome.err, "terminate"));
  }
};

const json& point(const json& results, const std::string& codec, int bits) {
  for (const json& entry : results.at("points")) {
    if (entry.at("codec") == codec && entry.at("bits") == bits) return entry;
  }
  throw std::runtime_error("no point " + codec);
}

// The measures, computed independently from a ring's logits.
struct Measured {
  double top1 = 0, agreement = 0, kl = 0;
};

Measured measure(const std::vector<float>& plain, const std::vector<float>& coded) {
  Measured sum;
  for (std::size_t i = 0; i < pictures; ++i) {
    const float *p = &plain[i * classes], *q = &coded[i * classes];
    double p_sum = 0, q_sum = 0, kl = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      p_sum += std::exp(double{p[c]});
      q_sum += std::exp(double{q[c]});
    }
    for (std::size_t c = 0; c < classes; ++c) {
      const double probability = std::exp(double{p[c]}) / p_sum;
      kl += probability * std::log(probability / (std::exp(double{q[c]}) / q_sum));
    }
    const auto answer = std::max_element(q, q + classes) - q;
    sum.top1 += answer == static_cast<std::ptrdiff_t>(i % 10);
    sum.agreement += answer == std::max_element(p, p + classes) - p;
    sum.kl += kl;
  }
  return {100 * sum.top1 / pictures, 100 * sum.agreement / pictures, sum.kl / pictures};
}

}  // namespace

TEST_CASE("all links of a ring coded at once give the answers of a real ring") {
  const Setup setup;
  const std::vector<float> plain = setup.ring_logits({});
  const json results =
      setup.results({"--stages", "3", "--codecs", "ptq,ds-aciq", "--bits", "2,4", "--batch", "7"});
  CHECK(results.at("cuts") == json({2, 4}));
  CHECK(results.at("coded") == "all cuts at once");
  bool differs = false;
  const std::pair<std::string, std::string> links[] = {
      {"ptq", "2"}, {"ptq", "4"}, {"ds-aciq", "2"}, {"ds-aciq", "4"}};
  for (const auto& link : links) {
    const std::string &codec = link.first, &bits = link.second;
    CAPTURE(codec);
    CAPTURE(bits);
    const Measured ring =
        measure(plain, setup.ring_logits({"--stages", "3", "--codec", codec, "--bits", bits}));
    const json& measured = point(results, codec, std::stoi(bits));
    CHECK(measured.at("top1").get<double>() == doctest::Approx(ring.top1));
    CHECK(measured.at("agreement").get<double>() == doctest::Approx(ring.agreement));
    CHECK(measured.at("kl").get<double>() == doctest::Approx(ring.kl).epsilon(1e-6));
    differs |= ring.agreement < 100;
  }
  CHECK(differs);
}

TEST_CASE("one coded link gives the answers of a real ring of two stages") {
  const Setup setup;
  const std::vector<float> plain = setup.ring_logits({});
  const Measured ring =
      measure(plain, setup.ring_logits({"--stages", "2", "--codec", "ptq", "--bits", "2"}));
  // Three of six blocks.
  const json results = setup.results({"--cuts", "3", "--codecs", "ptq", "--bits", "2"});
  const json& measured = point(results, "ptq", 2);
  CHECK(measured.at("agreement").get<double>() == doctest::Approx(ring.agreement));
  CHECK(measured.at("kl").get<double>() == doctest::Approx(ring.kl).epsilon(1e-6));
  CHECK(measured.at("cuts").size() == 1);
  CHECK(point(results, "raw32", 32).at("top1").get<double>() ==
        doctest::Approx(measure(plain, plain).top1));
}

TEST_CASE("without options: every codec at five widths, at all cuts between blocks") {
  const Setup setup;
  const std::string csv = setup.folder / "points.csv", svg = setup.folder / "plot.svg",
                    ladder = setup.folder / "ladder.json", file = setup.folder / "points.json";
  const auto outcome = setup.evaluate(
      {"--limit", "5", "--csv", csv, "--plot", svg, "--ladder", ladder, "--json", file});
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  const json results = try_parse_json(file_text(file));
  CHECK(results.at("cuts") == json({1, 2, 3, 4, 5}));
  CHECK(results.at("images") == 5);
  CHECK(results.at("labelled") == 5);
  std::size_t widths = 0, quantizing = 0;
  for (const CodecId id : known_codecs()) {
    if (needs_tables(id)) continue;
    quantizing += has_widths(id);
    for (const int bits : {16, 8, 6, 4, 2})
      widths += has_widths(id) && codec_valid({id, static_cast<std::uint8_t>(bits)});
  }
  CHECK(results.at("points").size() == 2 + widths);
  for (const json& entry : results.at("points")) {
    CAPTURE(json_text(entry));
    const std::string codec = entry.at("codec");
    CHECK(entry.at("agreement") <= 100);
    if (codec == "raw32") continue;
    // The mean over cuts, computed independently.
    double agreement = 0;
    for (const json& cut : entry.at("cuts")) agreement += cut.at("agreement").get<double>();
    CHECK(entry.at("cuts").size() == 5);
    CHECK(entry.at("agreement").get<double>() == doctest::Approx(agreement / 5));
    if (codec.starts_with("tah")) continue;  // tests/engine/codec/test_tah.cpp
    const int range = codec == "raw16" ? 0 : 8;
    CHECK(entry.at("bytes_per_image") == 4 + range + 5 * 32 * entry.at("bits").get<int>() / 8);
  }

  // Table 1: codecs by bits.
  CHECK(contains(outcome.out, "5 images in "));
  CHECK(contains(outcome.out, "cuts after blocks 1, 2, 3, 4, 5, one coded at a time"));
  CHECK(contains(outcome.out, "without coding: top-1 "));
  CHECK(contains(outcome.out, "\ntop-1 %"));
  CHECK(contains(outcome.out, "\nagreement %  16 bits  8 bits  6 bits  4 bits  2 bits\n"));
  CHECK(contains(outcome.out, "\nds-aciq 2 "));

  std::istringstream lines(file_text(csv));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "codec,bits,cut,bytes_per_image,images,top1,top5,agreement,kl,relative_mse");
  std::getline(lines, line);
  CHECK(line.starts_with("raw32,32,mean,644,5,"));
  std::size_t rest = 0;
  for (; std::getline(lines, line); ++rest) CHECK(std::count(line.begin(), line.end(), ',') == 9);
  CHECK(rest == (1 + widths) * 6);

  const test::Xml picture(file_text(svg));
  CHECK(picture.wrong == "");
  CHECK(picture.elements[0].name == "svg");
  CHECK(picture.all("circle").size() == (1 + widths) + (1 + quantizing));

  const Ladder points = read_ladder(ladder);
  CHECK(points.front().codec == CodecSpec{});
  CHECK(points.size() > 1);
}

TEST_CASE("batch size and threads do not change the results") {
  const Setup setup;
  const std::vector<std::string> what = {"--cuts", "halves", "--codecs", "ptq,aciq", "--bits", "3"};
  const auto with = [&](const std::string& batch, const std::string& threads) {
    auto arguments = what;
    arguments.insert(arguments.end(), {"--batch", batch, "--threads", threads});
    return setup.results(arguments).at("points");
  };
  const json expected = with("1", "1");
  CHECK(with("13", "2") == expected);
  CHECK(expected.at(1).at("cuts").size() == 11);
  CHECK(expected.at(1).at("cuts").at(0).at("cut") == 0.5);
}

TEST_CASE("without labels there is agreement and no top-1") {
  const Setup setup;
  std::filesystem::remove(setup.folder / "some-labels-idx1-ubyte");
  const json results = setup.results({"--cuts", "2", "--codecs", "ptq", "--bits", "2"});
  CHECK(results.at("labelled") == 0);
  CHECK_FALSE(point(results, "ptq", 2).contains("top1"));
  CHECK(point(results, "ptq", 2).contains("agreement"));
  const std::string svg = setup.folder / "plot.svg";
  const auto outcome = setup.evaluate({"--cuts", "2", "--codecs", "ptq", "--plot", svg});
  CHECK(outcome.status == 0);
  CHECK_FALSE(contains(outcome.out, "top-1"));
  CHECK(contains(outcome.out, "agreement %"));
  CHECK(contains(file_text(svg), "agreement, %"));
}

TEST_CASE("an unreadable picture is named, and the others are evaluated") {
  const Setup setup;
  const auto folder = setup.folder / "pictures";
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "broken.png") << "no picture";
  const auto nothing = run({program, "evaluate", folder, "--model", setup.model});
  CAPTURE(nothing.err);
  CHECK(nothing.status == 1);
  CHECK(nothing.out == "");
  CHECK(contains(nothing.err, "broken.png"));
  CHECK(contains(nothing.err, "error: 1 of 1 pictures could not be read, see above"));

  // An 8x8 grey BMP beside it.
  std::string bmp = "BM";
  const auto little = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bmp += static_cast<char>(value >> (8 * i) & 0xff);
  };
  little(54 + 192, 4), little(0, 4), little(54, 4), little(40, 4), little(8, 4), little(8, 4);
  little(1, 2), little(24, 2);
  for (int i = 0; i < 6; ++i) little(0, 4);
  bmp += std::string(192, '\x50');
  std::ofstream(folder / "good.bmp", std::ios::binary) << bmp;
  const auto some = run({program, "evaluate", folder, "--model", setup.model, "--codecs", "raw16"});
  CAPTURE(some.err);
  CHECK(some.status == 1);
  CHECK(contains(some.out, "1 images in"));
  CHECK(contains(some.err, "error: 1 of 2 pictures could not be read"));
}

TEST_CASE("errors are one line, before the work") {
  const Setup setup;
  const std::string here = setup.folder.path().string();
  setup.refused({"--cuts", "6"}, 2,
                "error: --cuts 6: '6' is not a cut of this model: use blocks, halves, or a list of "
                "0.5, 1, 1.5 ... 5.5 blocks\n");
  setup.refused({"--cuts", "block"}, 2, "error: --cuts block: 'block' is not a cut");
  setup.refused({"--stages", "13"}, 2, "error: --stages: 13 stages: this model has 6 blocks");
  setup.refused({"--stages", "1"}, 2, "--stages");
  setup.refused({"--stages", "2", "--cuts", "3"}, 2, "--cuts");
  setup.refused({"--stages", "2", "--ladder", here + "/l"}, 2, "--ladder");
  setup.refused({"--codecs", "ptq,jpeg"}, 2, "error: --codecs and --bits: no codec is called");
  setup.refused({"--codecs", "pixels"}, 2, "error: --codecs and --bits: no codec is called");
  setup.refused({"--bits", "8,9"}, 2, "error: --codecs and --bits: codec ");
  setup.refused({"--labels", here + "/none.csv"}, 1, "none.csv");
  setup.refused({"--csv", here + "/no/points.csv"}, 1,
                "error: cannot write '" + here + "/no/points.csv'");
  setup.refused({"--json", here}, 1,
                "error: cannot write '" + here + "': it is not a regular file");
  setup.refused({"--plot", setup.model}, 2,
                "error: '" + setup.model + "' is also an input: choose another name");
  setup.refused({"--plot", here + "/x", "--csv", here + "/x"}, 2, "is named for two outputs");
  CHECK_FALSE(std::filesystem::exists(here + "/x"));

  const auto other = run({program, "evaluate", here + "/none", "--model", setup.model});
  CHECK(other.status == 1);
  CHECK(contains(other.err, here + "/none"));

  const std::string part = setup.folder / "part.safetensors";
  REQUIRE(run({quantring::test::built_path("quantring-weights"), "shard", setup.model, "--layers",
               "0-3", "-o", part})
              .status == 0);
  const auto partial = run({program, "evaluate", setup.images, "--model", part});
  CHECK(partial.status == 1);
  CHECK(partial.err ==
        "error: '" + part + "' holds only blocks 0-3 of 6: evaluate needs the whole model file\n");
}

TEST_CASE("a label beyond the model's classes is an error") {
  const Setup setup;
  const std::string labels = setup.folder / "labels";
  std::ofstream file(labels, std::ios::binary);
  for (const int byte : {0, 0, 8, 1, 0, 0, 0, static_cast<int>(pictures)})
    file.put(static_cast<char>(byte));
  for (std::size_t i = 0; i < pictures; ++i) file.put(static_cast<char>(i));
  file.close();
  setup.refused({"--labels", labels, "--codecs", "raw16"}, 1,
                "#10: its label is class 10, but the model has classes 0 to 9\n");
}
