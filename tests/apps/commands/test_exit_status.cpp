// The exit status of every command: 2 for a wrong command line, 1 for a file that cannot be used.

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using test::contains;

namespace {

struct Case {
  std::string command;  // MODEL, IMAGES, RING and FOLDER stand for paths
  int status;
  std::string text;  // on stderr
};

const std::vector<Case> cases = {
    // No or unknown commands and flags.
    {"", 2, "subcommand"},
    {"clasify", 2, "no command is called 'clasify'"},
    {"--nonsense", 2, "--nonsense"},
    {"classify --nonsense IMAGES", 2, "--nonsense"},
    {"node --nonsense --model MODEL", 2, "--nonsense"},
    {"bench --nonsense", 2, "--nonsense"},
    {"compare --nonsense", 2, "--nonsense"},
    {"evaluate --nonsense IMAGES --model MODEL", 2, "--nonsense"},
    {"demo --nonsense", 2, "--nonsense"},
    {"camera --nonsense IMAGES", 2, "--nonsense"},
    {"doctor --nonsense", 2, "--nonsense"},

    // Missing arguments.
    {"classify", 2, "source"},
    {"classify IMAGES", 2, "--model"},
    {"node", 2, "--model"},
    {"bench", 2, "--model FILE or --model-shape NAME"},
    {"compare --random", 2, "--model FILE or --model-shape NAME"},
    {"compare --model MODEL", 2, "or --random"},
    {"evaluate --model MODEL", 2, "source"},
    {"evaluate IMAGES", 2, "--model"},
    {"camera --model MODEL", 2, "source"},
    {"camera IMAGES --listen none", 2, "--model"},
    {"doctor --model", 2, "--model"},

    // Wrong values.
    {"classify IMAGES --model MODEL --batch 0", 2, "--batch"},
    {"classify IMAGES --model MODEL --limit -1", 2,
     "--limit: '-1' is neither 0 nor a number above 0; quantring"},
    {"bench --model MODEL --seconds 0", 2, "--seconds: '0' is not a number above 0; quantring"},
    {"classify IMAGES --model MODEL --top x", 2, "--top"},
    {"classify IMAGES --model MODEL --stages 0", 2, "--stages"},
    {"classify IMAGES --model MODEL --stages 2 --link-mbps nan", 2, "not a number"},
    {"classify IMAGES --model MODEL --stages 2 --floor nan", 2, "not a number"},
    {"classify IMAGES --model MODEL --stages 13", 2, "error: --stages: 13 stages"},
    {"classify IMAGES --model MODEL --device gpu", 2, "error: --device: \"gpu\" is not auto"},
    {"classify IMAGES --model MODEL --device cpu --precision half", 2, "error: --precision half"},
    {"classify IMAGES --model MODEL --device cpu --precision f16", 2, "CPU computes in f32 only"},
    {"classify IMAGES --model MODEL --stages 2 --codec zip", 2, "error: --codec zip"},
    {"classify IMAGES --model MODEL --stages 2 --codec pixels", 2, "error: --codec pixels"},
    {"classify IMAGES --model MODEL --stages 2 --codec ptq", 2,
     "error: --codec ptq: codec ptq needs"},
    {"classify IMAGES --model MODEL --stages 2 --codec ptq --bits 9", 2, "--bits 9"},
    {"classify IMAGES --model MODEL --stages 2 --policy best", 2, "error: --policy"},
    {"classify IMAGES --model MODEL --stages 2 --target 0", 2, "--target"},
    {"classify IMAGES --model MODEL --stages 2 --floor 101", 2, "--floor"},
    {"classify IMAGES --model MODEL --stages 2 --link-mbps 0.001", 2, "--link-mbps"},
    {"node --model MODEL --listen here", 2, "'here' is not an address"},
    {"node --model MODEL --threads 0", 2, "--threads"},
    {"node --model MODEL --device gpu", 2, "error: --device"},
    {"bench --model-shape vit_huge", 2, "error: --model-shape"},
    {"bench --model MODEL --seconds 0", 2, "--seconds"},
    {"bench --model MODEL --stages 13", 2, "error: --stages: 13 stages"},
    {"bench --model MODEL --device gpu", 2, "error: --device"},
    {"compare --random --model-shape vit_huge", 2, "error: --model-shape"},
    {"compare --random --model MODEL --device gpu", 2, "error: --device"},
    {"evaluate IMAGES --model MODEL --codecs zip", 2, "error: --codecs and --bits"},
    {"evaluate IMAGES --model MODEL --bits 9", 2, "error: --codecs and --bits"},
    {"evaluate IMAGES --model MODEL --cuts 6", 2, "error: --cuts 6"},
    {"evaluate IMAGES --model MODEL --stages 13", 2, "error: --stages: 13 stages"},
    {"demo --stages 0", 2, "--stages"},
    {"demo --model MODEL --images IMAGES --stages 13", 2, "error: --stages: 13 stages"},
    {"camera IMAGES --model MODEL --listen here", 2, "'here' is not an address"},
    {"camera IMAGES --model MODEL --listen none --size 1280", 2, "error: --size 1280"},
    {"camera IMAGES --model MODEL --listen none --fps 0", 2, "--fps"},
    {"camera gopher://cam --model MODEL --listen none", 2, "error: gopher://cam"},
    {"camera csi://x --model MODEL --listen none", 2, "error: csi://x"},

    // Flags that do not fit each other.
    {"classify IMAGES --model MODEL --policy fixed", 2, "--ring FILE or --stages N"},
    {"classify IMAGES --model MODEL --bits 4 --stages 2", 2, "--bits"},
    {"classify IMAGES --model MODEL --ring RING --stages 2", 2, "--stages"},
    {"classify IMAGES --model MODEL --ring RING --device cpu", 2, "--ring"},
    {"classify IMAGES --model MODEL --stages 2 --policy fixed --target 60", 2, "--target"},
    {"classify IMAGES --model MODEL --stages 2 --codec raw32 --floor 90", 2, "--floor"},
    {"classify IMAGES --model MODEL --stages 2 --policy paper --codec raw32", 2, "raw32"},
    {"classify IMAGES --model MODEL --logits MODEL", 2, "--logits"},
    {"classify IMAGES --model MODEL --report-json IMAGES", 2, "--report-json"},
    {"bench --model MODEL --model-shape vit_base", 2, "--model-shape"},
    {"compare IMAGES --random --model MODEL", 2, "--random"},
    {"evaluate IMAGES --model MODEL --stages 2 --cuts 3", 2, "--cuts"},
    {"evaluate IMAGES --model MODEL --plot MODEL", 2, "is also an input"},
    {"evaluate IMAGES --model MODEL --plot FOLDER/x --csv FOLDER/x", 2, "two outputs"},
    {"camera /dev/video0 --labels IMAGES --model MODEL --listen none", 2, "labels"},

    // Files that are missing or wrong.
    {"classify FOLDER/none --model MODEL", 1, "FOLDER/none"},
    {"classify IMAGES --model FOLDER/none", 1, "FOLDER/none"},
    {"classify IMAGES --model MODEL --ring FOLDER/none", 1, "FOLDER/none"},
    {"classify IMAGES --model MODEL --stages 2 --ladder FOLDER/none", 1, "FOLDER/none"},
    {"classify IMAGES --model MODEL --logits FOLDER/no/x", 1, "FOLDER/no/x"},
    {"classify IMAGES --model MODEL --ring RING", 1, "refused"},
    {"node --model FOLDER/none", 1, "FOLDER/none"},
    {"node --model MODEL --listen no-such-host.invalid:0", 1, "no-such-host.invalid"},
    {"bench --model IMAGES", 1, "error: "},
    {"compare IMAGES --model FOLDER/none", 1, "FOLDER/none"},
    {"evaluate IMAGES --model FOLDER/none", 1, "FOLDER/none"},
    {"evaluate IMAGES --model MODEL --csv FOLDER/no/x", 1, "FOLDER/no/x"},
    {"demo --model FOLDER/none --images IMAGES", 1, "FOLDER/none"},
    {"camera FOLDER/none --model MODEL --listen none", 1, "FOLDER/none"},
    {"camera /dev/video987 --model MODEL --listen none", 1, "/dev/video987"},
    {"doctor --model FOLDER/none", 1, "error: "},
    {"doctor --ring FOLDER/none", 1, "error: "},
};

std::string replaced(std::string text, const std::string& name, const std::string& value) {
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
  return text;
}

}  // namespace

TEST_CASE("wrong options exit with 2, failures with 1") {
  const test::TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", ring = folder / "ring.toml";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 4);
  std::ofstream(ring) << "[[stage]]\naddress = \"127.0.0.1:1\"\n";
  const auto with_paths = [&](std::string text) {
    text = replaced(text, "MODEL", model);
    text = replaced(text, "IMAGES", images);
    text = replaced(text, "RING", ring);
    return replaced(text, "FOLDER", folder.path().string());
  };
  for (const Case& each : cases) {
    CAPTURE(each.command);
    std::vector<std::string> arguments = {test::program};
    std::istringstream words(each.command);
    for (std::string word; words >> word;) arguments.push_back(with_paths(word));
    const test::Outcome outcome = test::run(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.status == each.status);
    // Commands in the expected texts are not paths.
    const bool has_path = contains(each.text, "FOLDER");
    CHECK(contains(outcome.err, has_path ? with_paths(each.text) : each.text));
    CHECK_FALSE(contains(outcome.err, "terminate called"));
  }
}
