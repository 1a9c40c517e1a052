// `quantring-weights` on the command line: output, errors, exit status.

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;
using test::run;
using test::TemporaryFolder;

namespace {

test::Outcome weights(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), quantring::test::built_path("quantring-weights"));
  return run(arguments);
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

TEST_CASE("diff's exit status: same, different, error") {
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

TEST_CASE("verify names the invalid tensor, also of a part") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", part = folder / "part.safetensors";
  test::write_tiny_model(model);
  auto outcome = weights({"shard", model, "--layers", "2-4", "-o", part});
  REQUIRE(outcome.status == 0);
  outcome = weights({"verify", part});
  CHECK(outcome.status == 0);
  CHECK(contains(outcome.out, "blocks 2-4 of 6: 24 tensors"));
  std::string bytes = test::read_file(part);
  bytes.back() ^= 1;
  std::ofstream(part, std::ios::binary) << bytes;
  outcome = weights({"verify", part});
  CHECK(outcome.status == 1);
  CHECK(one_error_line(outcome.err));
  CHECK(contains(outcome.err, "blocks.3.mlp.fc2.bias"));
  CHECK(outcome.out.empty());
  outcome = weights({"shard", model, "--layers", "4-2", "-o", part});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "--layers 4-2: write them as"));
}

TEST_CASE("inspect, as text and as JSON") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  CHECK(contains(weights({"inspect", model}).out, "6 blocks, dim 32, 2 heads of 16"));
  CHECK(try_parse_json(weights({"inspect", model, "--json"}).out).at("kind") == "model");
  const auto outcome = weights({"inspect", folder / "nothing"});
  CHECK(outcome.status == 1);
  CHECK(one_error_line(outcome.err));
}

TEST_CASE("invalid flags of convert are errors before any file is read") {
  const TemporaryFolder folder;
  const std::string out = folder / "out.safetensors";
  for (const char* size : {"0", "224x", "x224", "224x-1", "big", "99999999999"}) {
    CAPTURE(size);
    const auto outcome = weights({"convert", "nothing", "-o", out, "--image-size", size});
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "--image-size"));
  }
  CHECK(contains(weights({"convert", "nothing", "-o", out, "--activation", "relu"}).err,
                 "--activation"));
  CHECK(weights({"convert", "nothing", "-o", out}).status == 1);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("a pipe instead of a file is an error, not a wait") {
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

TEST_CASE("errors for a checkpoint instead of a model file") {
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

TEST_CASE("--part for inspect and diff") {
  const std::string file =
      quantring::test::source_path("tests/weights/fixtures/golden/timm_train.pth.tar");
  CHECK(contains(weights({"inspect", file}).err, "--part"));
  CHECK(weights({"inspect", file, "--part", "state_dict"}).status == 0);
  CHECK(weights({"diff", file, file, "--part", "state_dict"}).status == 0);
  const auto outcome =
      weights({"diff", file, file, "--part", "state_dict", "--part-b", "state_dict_ema"});
  CHECK(outcome.status == 1);
}

TEST_CASE("one file of several, and a mean of pixels in 0..255") {
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

TEST_CASE("errors of the options exit with 2, errors of files with 1, in every command") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", out = folder / "out.safetensors",
                    names = folder / "names.txt";
  const std::string fixtures = quantring::test::source_path("tests/weights/fixtures/golden/");
  const std::string dino = fixtures + "hf_dinov2", train = fixtures + "timm_train.pth.tar";
  test::write_tiny_model(model);
  std::ofstream(names) << "a\nb\n";
  const std::vector<std::string> flags = {"--resize", "none", "--mean", "0,0,0", "--std", "1,1,1"};
  const auto convert = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"convert", dino, "-o", out});
    return more;
  };
  const auto with_flags = [&](std::vector<std::string> more) {
    more.insert(more.end(), flags.begin(), flags.end());
    return convert(more);
  };
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"--nonsense"},
           {"convert", dino},                           // no output
           convert({}),                                 // facts are missing
           convert({"--resize", "big"}),                // invalid values
           with_flags({"--mean", "0.5"}),               // twice
           with_flags({"--heads", "5"}),                // does not divide the width
           with_flags({"--image-size", "13"}),          // not a whole number of patches
           with_flags({"--interpolation", "bicubic"}),  // nothing is resized
           with_flags({"--part", "model"}),             // not a PyTorch file
           with_flags({"--head", dino}),                // has a classifier already
           {"convert", train, "-o", out},               // needs --part
           {"convert", dino, "-o", dino + "/config.json"},
           {"inspect", model, "--part", "x"},
           {"inspect", train},
           {"verify", model, "--part", "x"},
           {"shard", model, "-o", out},
           {"shard", model, "-l", "0-7", "-o", out},
           {"shard", model, "-l", "0-3", "-o", model},
           {"labels", model, "--set"},
           {"labels", model, "--set", names, "--remove"},
           {"diff", model}}) {
    const auto outcome = weights(command);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(!outcome.err.empty());
  }
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           with_flags({"--labels", names}),  // two names
           with_flags({"--config", names}),
           with_flags({"--head", names}),
           {"convert", names, "-o", out},
           {"inspect", names},
           {"verify", names},
           {"shard", names, "-l", "0-3", "-o", out},
           {"shard", model, "-l", "0-3", "-o", folder / "none/out"},
           {"labels", names},
           {"labels", model, "--set", names}}) {
    const auto outcome = weights(command);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 1);
    CHECK(one_error_line(outcome.err));
  }
  CHECK_FALSE(std::filesystem::exists(out));
}
