// ring.toml: its keys, and the messages for mistakes.

#include <doctest/doctest.h>

#include <fstream>

#include "apps/session/ring/ring_config.h"
#include "ops/base/error.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;

namespace {

RingConfig read(const std::string& text) {
  const test::TemporaryFolder folder;
  const auto path = folder / "ring.toml";
  std::ofstream(path) << text;
  return read_ring_config(path.string());
}

std::string message(const std::string& text) {
  try {
    stage_ranges(read(text), test::tiny_architecture());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every key of a ring file") {
  const RingConfig config = read(R"(
model = "m.safetensors"
[head]
listen = "0.0.0.0:7700"
advertise = "10.0.0.1"
[link]
codec = "ptq"
bits = 4
mbps = 12.5
[[stage]]
address = "a:1"
blocks = "0-2.5"
[[stage]]
address = "b:2"
blocks = "2.5-6"
)");
  CHECK(config.model == "m.safetensors");
  CHECK(config.listen == "0.0.0.0:7700");
  CHECK(config.advertise == "10.0.0.1");
  CHECK(config.links.codec == CodecSpec{CodecId::ptq, 4});
  CHECK(config.links.effective_policy() == Policy::fixed);
  CHECK(config.link_mbps == 12.5);
  REQUIRE(config.stages.size() == 2);
  CHECK(config.stages[1].address == "b:2");
  const auto ranges = stage_ranges(config, test::tiny_architecture());
  CHECK(ranges[0] == StageRange{0, 5});
  CHECK(ranges[1] == StageRange{5, 12});
}

TEST_CASE("every codec of the engine can stand in a ring file") {
  const std::string stage = "[[stage]]\naddress = \"a:1\"\n";
  for (const CodecId id : known_codecs()) {
    const std::string codec = "[link]\ncodec = \"" + codec_name(id) + "\"\n";
    CAPTURE(codec);
    if (id == CodecId::pixels) {
      CHECK(contains(message(codec + stage), "ring.toml:2"));  // not for a link between stages
    } else {
      const std::string bits = !has_widths(id)      ? ""
                               : id == CodecId::klt ? "bits = 1.5\n"
                                                    : "bits = 4\n";
      CHECK(read(codec + bits + stage).links.codec->id == id);
    }
  }
}

TEST_CASE("link settings of a ring file") {
  const std::string stage = "[[stage]]\naddress = \"a:1\"\n";
  const RingConfig config = read(R"([link]
policy = "ladder"
codec = "raw16"
target = 60
floor = 90.5
ladder = "own.json"
)" + stage);
  CHECK(config.links.policy == Policy::ladder);
  CHECK(config.links.codec == CodecSpec{CodecId::raw16, 16});
  CHECK(config.links.target_rate == 60);
  CHECK(config.links.floor == 90.5);
  CHECK(config.links.ladder == "own.json");
  CHECK(read("[link]\npolicy = \"quantpipe\"\ntarget = 0.5\n" + stage).links.target_rate == 0.5);
  CHECK_FALSE(read(stage).links.effective_policy());

  const auto refused = [&](const std::string& keys, const std::string& part) {
    CAPTURE(keys);
    const std::string text = message("[link]\n" + keys + stage);
    CAPTURE(text);
    CHECK(contains(text, part));
  };
  refused("policy = \"best\"\n",
          "ring.toml:2: policy 'best' is not known: fixed, quantpipe and ladder");
  refused("policy = 3\n", "ring.toml:2: 'policy' must be text");
  for (const char* target : {"0", "-1", "nan", "1e9", "\"fast\""})
    refused("target = " + std::string(target) + "\n", "ring.toml:2: 'target' must be a number");
  for (const char* floor : {"-1", "101", "true"})
    refused("floor = " + std::string(floor) + "\n", "ring.toml:2: 'floor' must be a number");
  refused("ladder = 1\n", "ring.toml:2: 'ladder' must be text");
  refused("codec = \"raw16\"\ntarget = 60\n",
          "ring.toml:3: 'target' applies to policy ladder or quantpipe");
  refused("policy = \"fixed\"\ntarget = 60\n", "ring.toml:3: 'target'");
  refused("policy = \"quantpipe\"\nfloor = 60\n", "ring.toml:3: 'floor' applies to policy ladder");
  refused("policy = \"quantpipe\"\nladder = \"x\"\n",
          "ring.toml:3: 'ladder' applies to policy ladder");
}

TEST_CASE("stages without blocks share the model evenly") {
  const auto config = read(
      "[[stage]]\naddress=\"a:1\"\n[[stage]]\naddress=\"b:1\"\n[[stage]]\naddress=\"c:1\"\n[[stage]"
      "]\naddress=\"d:1\"\n");
  const auto ranges = stage_ranges(config, test::tiny_architecture());
  REQUIRE(ranges.size() == 4);
  int next = 0;
  for (const StageRange range : ranges) {
    CHECK(range.begin == next);
    CHECK(range.end > range.begin);
    CHECK(range.end % 2 == 0);  // whole blocks while they suffice
    next = range.end;
  }
  CHECK(next == 12);
}

TEST_CASE("messages on a line that is not TOML say what to write") {
  const std::string stage = "[[stage]]\naddress = \"a:1\"\n";
  const std::pair<std::string, std::string> cases[] = {
      {"model = deit.safetensors\n" + stage,
       "ring.toml:1: write text in quotes: model = \"deit.safetensors\""},
      {"[link]\ncodec = ptq  # coarse\nbits = 4\n" + stage,
       "ring.toml:2: write text in quotes: codec = \"ptq\""},
      {"[[stage]]\naddress = 10.0.0.11:7710\n",
       "ring.toml:2: write text in quotes: address = \"10.0.0.11:7710\""},
      {stage + "blocks = 0-6\n", "ring.toml:3: write text in quotes: blocks = \"0-6\""},
      {"model = /var/lib/m.safetensors\r\n" + stage,
       "ring.toml:1: write text in quotes: model = \"/var/lib/m.safetensors\""},
      {"model = m.safetensors\"\n" + stage,
       "ring.toml:1: write text in quotes: model = \"m.safetensors\""},
      {"model = \"m.safetensors\n" + stage,
       "ring.toml:1: the closing quote is missing: model = \"m.safetensors\""},
      {"model = \u201cm.safetensors\u201d\n" + stage, "ring.toml:1: write straight quotes"},
      {"model = \"C:\\models\\m.safetensors\"\n" + stage,
       "ring.toml:1: write text with backslashes in single quotes: model = 'C:\\models\\m"},
      {"model =\n" + stage, "ring.toml:1: the value is missing: model = \"...\""},
      {"[link]\nfloor = 90,5\n" + stage, "ring.toml:2: write a decimal point: floor = 90.5"},
      {"model = # later\n" + stage, "ring.toml:1: the value is missing: model = \"...\""},
      {"model: \"m.safetensors\"\n" + stage, "ring.toml:1: write '=' and not ':' behind 'model'"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(contains(message(text), expected));
  }
}

TEST_CASE("[head] listen may be a port without a host") {
  const std::string stage = "[[stage]]\naddress = \"a:1\"\n";
  for (const char* listen : {"7700", ":7700", "0.0.0.0:7700"}) {
    CHECK(read("[head]\nlisten = \"" + std::string(listen) + "\"\n" + stage).listen ==
          "0.0.0.0:7700");
  }
}

TEST_CASE("messages name the line") {
  const std::string stage = "[[stage]]\naddress = \"a:1\"\n";
  CHECK(contains(message("model = \n" + stage), "ring.toml:1"));
  CHECK(contains(message("modle = \"x\"\n" + stage), "unknown key 'modle'"));
  CHECK(contains(message(stage + "block = \"0-6\"\n"), "ring.toml:3: unknown key 'block'"));
  CHECK(contains(message("[link]\ncodec = \"zip\"\n" + stage), "ring.toml:2"));
  CHECK(contains(message("[link]\ncodec = \"ptq\"\nbits = 9\n" + stage), "ring.toml:3"));
  CHECK(contains(message("[link]\nbits = 4\n" + stage), "add codec"));
  CHECK(contains(message("[link]\ncodec = \"ptq\"\nbits = 4.7\n" + stage), "ring.toml:3"));
  for (const char* rate : {"-1", "0.001", "1e300", "\"fast\""}) {
    CHECK(contains(message(std::string("[link]\nmbps = ") + rate + "\n" + stage), "ring.toml:2"));
  }
  CHECK(
      contains(message("[head]\nadvertise = \"10.0.0.1:7700\"\n" + stage), "host without a port"));
  CHECK(contains(message("[[stage]]\naddress = \"no port\"\n"), "ring.toml:2"));
  CHECK(contains(message(stage + stage), "given twice"));
  CHECK(contains(message("[head]\nlisten = 7700\n" + stage), "'listen' must be text"));
  CHECK(contains(message("[head]\nlisten = \"here\"\n" + stage), "ring.toml:2"));
  CHECK(contains(message("model = \"x\"\n"), "no stages"));
  CHECK(contains(message("[[stage]]\nblocks = \"0-6\"\n"), "no address"));
  CHECK(contains(message(stage + "blocks = \"0..6\"\n"), "ring.toml:3"));
  CHECK(contains(message(stage + "blocks = \"0-5\"\n"), "end at block 5"));
  CHECK(contains(message(stage + "blocks = \"1-6\"\n"), "must start at block 0"));
  CHECK(contains(message(stage + "blocks = \"0-6\"\n" + "[[stage]]\naddress = \"b:1\"\n"),
                 "every stage or to none"));
  std::string many;
  for (int i = 1; i <= 13; ++i) many += "[[stage]]\naddress = \"a:" + std::to_string(i) + "\"\n";
  CHECK(contains(message(many), "1 to 12 stages"));
}
