// `quantring-weights` as a person runs it: what it prints, where, and its exit status.

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"
#include "tests/support/paths.h"
#include "ops/base/json.h"

using namespace quantring;
using test::run;
using test::TemporaryFolder;

namespace {

test::Outcome weights(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), quantring::test::built_path("quantring-weights"));
  return run(arguments);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool one_error_line(const std::string& text) {
  return text.compare(0, 7, "error: ") == 0 && text.find('\n') == text.size() - 1;
}

}  // namespace

TEST_CASE("every command has a help text with examples") {
  for (const char* command : {"convert", "inspect", "verify", "shard", "labels", "diff"}) {
    CAPTURE(command);
    const auto outcome = weights({command, "--help"});
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.out, "Examples:"));
    CHECK(contains(outcome.out, std::string("quantring-weights ") + command));
    CHECK(weights({command}).status == 2);
  }
  CHECK(weights({}).status == 2);
  CHECK(contains(weights({"shrad"}).err, "no command is called 'shrad'"));
}

TEST_CASE("diff's exit status: same, different, trouble") {
  const TemporaryFolder folder;
  const std::string a = folder / "a.safetensors", b = folder / "b.safetensors";
  test::write_tiny_model(a, 1);
  test::write_tiny_model(b, 2);
  CHECK(weights({"diff", a, a}).status == 0);
  auto outcome = weights({"diff", a, b});
  CHECK(outcome.status == 1);
  CHECK(outcome.err.empty());
  CHECK(contains(outcome.out, "(--all)"));
  CHECK_FALSE(contains(weights({"diff", a, b, "--all"}).out, "(--all)"));
  const auto json = try_parse_json(weights({"diff", a, b, "--json"}).out);
  CHECK(json.at("same") == false);
  CHECK(json.at("values").size() > 20);
  outcome = weights({"diff", a, folder / "nothing"});
  CHECK(outcome.status == 2);
  CHECK(one_error_line(outcome.err));
}

TEST_CASE("labels are printed, set and removed") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", names = folder / "names.txt";
  test::write_tiny_model(model);
  auto outcome = weights({"labels", model});
  CHECK(outcome.status == 1);
  CHECK(one_error_line(outcome.err));
  std::ofstream(names) << "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  outcome = weights({"labels", model, "--set", names});
  CHECK(outcome.status == 0);
  CHECK(contains(outcome.out, "10 class names: a ... j"));
  CHECK(contains(weights({"labels", model}).out, "8\ti\n9\tj\n"));
  CHECK(weights({"verify", model}).status == 0);
  std::ofstream(names) << "a\nb\n";
  outcome = weights({"labels", model, "--set", names});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "names.txt: 2 class names"));
  CHECK(weights({"labels", model, "--remove"}).status == 0);
  CHECK(weights({"labels", model}).status == 1);
  CHECK(weights({"labels", model, "--remove", "--set", names}).status == 2);
}

TEST_CASE("verify names what is wrong, of parts too") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", part = folder / "part.safetensors";
  test::write_tiny_model(model);
  auto outcome = weights({"shard", model, "--layers", "2-4", "-o", part});
  REQUIRE(outcome.status == 0);
  outcome = weights({"verify", part});
  CHECK(outcome.status == 0);
  CHECK(contains(outcome.out, "blocks 2-4 of 6: 24 tensors"));
  std::string bytes = read(part);
  bytes.back() ^= 1;
  std::ofstream(part, std::ios::binary) << bytes;
  outcome = weights({"verify", part});
  CHECK(outcome.status == 1);
  CHECK(one_error_line(outcome.err));
  CHECK(contains(outcome.err, "blocks.3.mlp.fc2.bias"));
  CHECK(outcome.out.empty());
  outcome = weights({"shard", model, "--layers", "4-2", "-o", part});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "--layers 4-2: write them as"));
}

TEST_CASE("inspect, for a person and as JSON") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  CHECK(contains(weights({"inspect", model}).out, "6 blocks, dim 32, 2 heads of 16"));
  CHECK(try_parse_json(weights({"inspect", model, "--json"}).out).at("kind") == "model");
  const auto outcome = weights({"inspect", folder / "nothing"});
  CHECK(outcome.status == 1);
  CHECK(one_error_line(outcome.err));
}

TEST_CASE("wrong flags of convert are told by name before anything is read") {
  const TemporaryFolder folder;
  const std::string out = folder / "out.safetensors";
  for (const char* size : {"0", "224x", "x224", "224x-1", "big", "99999999999"}) {
    CAPTURE(size);
    const auto outcome = weights({"convert", "nothing", "-o", out, "--image-size", size});
    CHECK(outcome.status != 0);
    CHECK(contains(outcome.err, "--image-size"));
  }
  CHECK(contains(weights({"convert", "nothing", "-o", out, "--activation", "relu"}).err,
                 "--activation"));
  CHECK(weights({"convert", "nothing", "-o", out}).status == 1);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("a pipe is refused, not waited for, wherever a file is named") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe", out = folder / "out.safetensors",
                    model = folder / "model.safetensors";
  const std::string checkpoint =
      quantring::test::source_path("tests/weights/fixtures/golden/hf_dinov2/model.safetensors");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  test::write_tiny_model(model);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"convert", pipe, "-o", out},
           {"convert", checkpoint, "-o", out, "--config", pipe},
           {"convert", checkpoint, "-o", out, "--head", pipe},
           {"convert", checkpoint, "-o", out, "--labels", pipe, "--resize", "none", "--mean",
            "0,0,0", "--std", "1,1,1"},
           {"inspect", pipe},
           {"verify", pipe},
           {"diff", model, pipe},
           {"labels", model, "--set", pipe}}) {
    CAPTURE(command.front());
    const auto outcome = weights(command);
    CHECK(outcome.status != 0);
    CHECK(one_error_line(outcome.err));
    CHECK(contains(outcome.err, "'" + pipe + "' is not a regular file"));
  }
}

TEST_CASE("a checkpoint is no model file, and says so") {
  const std::string fixtures = quantring::test::source_path("tests/weights/fixtures/golden/");
  const std::string checkpoint = fixtures + "timm_deit.pth";
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"verify", checkpoint},
                                             {"labels", checkpoint},
                                             {"shard", checkpoint, "-l", "0-1", "-o", "x"}}) {
    CAPTURE(command.front());
    const auto outcome = weights(command);
    CHECK(outcome.status == 1);
    CHECK(one_error_line(outcome.err));
    CHECK(contains(outcome.err, "PyTorch zip"));
    CHECK(contains(outcome.err, "quantring-weights convert"));
  }
}

TEST_CASE("one dictionary of several, for inspect and diff too") {
  const std::string file = quantring::test::source_path("tests/weights/fixtures/golden/timm_train.pth.tar");
  CHECK(contains(weights({"inspect", file}).err, "--part"));
  CHECK(weights({"inspect", file, "--part", "state_dict"}).status == 0);
  CHECK(weights({"diff", file, file, "--part", "state_dict"}).status == 0);
  const auto outcome =
      weights({"diff", file, file, "--part", "state_dict", "--part-b", "state_dict_ema"});
  CHECK(outcome.status == 1);
}

TEST_CASE("one file of several, and pixels' scale in 0..255") {
  const TemporaryFolder folder;
  const std::string fixtures = quantring::test::source_path("tests/weights/fixtures/golden/");
  const std::string out = folder / "out.safetensors";
  CHECK(contains(
      weights({"convert", fixtures + "hf_vit_sharded/model-00001-of-00003.safetensors", "-o", out})
          .err,
      "one of several"));
  CHECK(contains(weights({"convert", fixtures + "hf_dinov2", "-o", out, "--resize", "none",
                          "--mean", "124,116,104", "--std", "58,57,57"})
                     .err,
                 "--mean holds 124"));
}
