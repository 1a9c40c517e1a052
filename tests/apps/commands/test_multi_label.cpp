// Models whose classes are independent of each other, and those of a single class.

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "engine/model/model_file.h"
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

nlohmann::json first_answer(const std::vector<std::string>& command) {
  const auto outcome = run(command);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  return parse_json(outcome.out.substr(0, outcome.out.find('\n')), "the answer");
}

}  // namespace

TEST_CASE("each class of a multi-label model has a probability of its own") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 1);
  std::vector<std::string> command = {program, "classify", images, "--model",
                                      model,   "--top",    "10",   "--json"};
  const auto softmax = first_answer(command);
  double sum = 0;
  for (const auto& each : softmax.at("top")) sum += each.at("probability").get<double>();
  CHECK(sum == doctest::Approx(1));
  CHECK_FALSE(softmax.contains("present"));

  command.push_back("--multi-label");
  const auto sigmoids = first_answer(command);
  CHECK(sigmoids.at("threshold") == 0.5);
  std::size_t present = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    const auto& each = sigmoids.at("top")[i];
    CHECK(each.at("class") == softmax.at("top")[i].at("class"));
    // From the softmax of two classes and their sigmoids: the logits differ by as much.
    const auto logit = [](const nlohmann::json& entry) {
      const double p = entry.at("probability");
      return std::log(p / (1 - p));
    };
    const double shares = std::log(softmax.at("top")[0].at("probability").get<double>() /
                                   softmax.at("top")[i].at("probability").get<double>());
    CHECK(logit(sigmoids.at("top")[0]) - logit(each) == doctest::Approx(shares).epsilon(1e-3));
    present += each.at("probability").get<double>() >= 0.5;
  }
  CHECK(sigmoids.at("present").size() == present);
  command.insert(command.end(), {"--threshold", "0"});
  CHECK(first_answer(command).at("present").size() == 10);
  command.back() = "1";
  CHECK(first_answer(command).at("present").empty());
  command.erase(command.begin() + 7);  // as text
  CHECK(contains(run(command).out, "none above 100 %"));
}

TEST_CASE("a threshold without independent classes is a wrong option") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 1);
  const auto outcome = run({program, "classify", images, "--model", model, "--threshold", "0.3"});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "--multi-label"));
}

TEST_CASE("a model of one class has a sigmoid, and its labels are 0 and 1") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  Architecture a = test::tiny_architecture();
  a.classes = 1;
  write_random_model(model, a, StorageType::f32, 3);
  CHECK(ModelFile(model).independent_classes());
  const std::string images = test::write_idx(folder, 1);
  std::filesystem::remove(folder / "some-labels-idx1-ubyte");
  const auto answer = first_answer({program, "classify", images, "--model", model, "--json"});
  const double p = answer.at("top")[0].at("probability");
  CHECK(p > 0);
  CHECK(p < 1);
  CHECK(answer.at("present").size() == (p >= 0.5 ? 1u : 0u));
}

TEST_CASE("sigmoids of logits, largest first") {
  const std::vector<float> logits = {0.0f, 2.0f, -2.0f};
  const auto top = top_k(logits, 3, true);
  CHECK(top[0].index == 1);
  CHECK(top[0].probability == doctest::Approx(0.8807971));
  CHECK(top[1].probability == 0.5f);
  CHECK(top[2].probability == doctest::Approx(0.1192029));
  CHECK(sigmoid(-1000) == 0);
  CHECK(sigmoid(1000) == 1);
}
