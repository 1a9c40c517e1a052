// Sources of pictures as a shell hands them over: several, pipes, folders with other things inside.

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "engine/image/formats/jpeg_write.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

using namespace quantring;
using nlohmann::json;
using test::contains;
using test::program;
using test::run;

namespace {

std::string jpeg_text(int number) {
  std::vector<std::uint8_t> pixels(64);  // the model's size
  for (int i = 0; i < 64; ++i) pixels[i] = static_cast<std::uint8_t>(i * number);
  const auto jpeg = encode_jpeg({8, 8, 1, std::move(pixels)}, 95);
  return {reinterpret_cast<const char*>(jpeg.data()), jpeg.size()};
}

// A tiny model and pictures a.jpg, b.jpg, sub/c.jpg.
struct Fixture {
  TempFolder folder;
  std::string model = folder / "model.safetensors";
  Fixture() {
    test::write_tiny_model(model);
    folder.write("photos/a.jpg", jpeg_text(1));
    folder.write("photos/b.jpg", jpeg_text(200));
    folder.write("photos/sub/c.jpg", jpeg_text(3000));
  }
  std::string photo(const std::string& name) const { return folder / ("photos/" + name); }

  test::Outcome shell(const std::string& command) const {
    return run(
        {"/bin/sh", "-c",
         "Q='" + program + "'; M='" + model + "'; cd '" + (folder / "photos") + "' && " + command});
  }
};

// "image" and the first class of each line.
std::vector<std::pair<std::string, json>> answers(const std::string& lines) {
  std::vector<std::pair<std::string, json>> all;
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);) {
    const json answer = try_parse_json(line);
    REQUIRE(answer.is_object());
    all.push_back({answer["image"], answer["top"]});
  }
  return all;
}

}  // namespace

TEST_CASE("several sources are read one after the other") {
  const Fixture f;
  const auto one_by_one =
      f.shell("for x in b.jpg a.jpg sub/c.jpg; do $Q classify $x -m $M --json 2>/dev/null; done");
  const auto together = f.shell("$Q classify b.jpg a.jpg sub -m $M --json");
  CAPTURE(together.err);
  CHECK(together.status == 0);
  CHECK(answers(together.out).size() == 3);
  CHECK(together.out == one_by_one.out);
  CHECK(contains(together.err, "3 images"));
  const auto globbed = f.shell("$Q classify *.jpg -m $M --json --limit 1");
  CHECK(answers(globbed.out).size() == 1);
  const auto missing = f.shell("$Q classify a.jpg nowhere.jpg -m $M");
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, "nowhere.jpg: no such file"));
}

TEST_CASE("a picture, or several, come through a pipe") {
  const Fixture f;
  const auto files = answers(f.shell("$Q classify a.jpg b.jpg -m $M --json").out);
  REQUIRE(files.size() == 2);
  for (const char* const command :
       {"cat a.jpg b.jpg | $Q classify - -m $M --json", "$Q classify a.jpg - -m $M --json < b.jpg",
        "mkfifo ../pipe; cat b.jpg > ../pipe & $Q classify a.jpg ../pipe -m $M --json"}) {
    CAPTURE(command);
    const auto outcome = f.shell(command);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    const auto piped = answers(outcome.out);
    REQUIRE(piped.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(piped[i].second == files[i].second);
  }
  const auto named = answers(f.shell("cat a.jpg b.jpg | $Q classify - -m $M --json").out);
  CHECK(named[0].first == "-#0");
  CHECK(named[1].first == "-#1");
}

TEST_CASE("a pipe with nothing or something else in it is named") {
  const Fixture f;
  const auto empty = f.shell("$Q classify - -m $M < /dev/null");
  CHECK(empty.status == 1);
  CHECK(contains(empty.err, "-: nothing came"));
  const auto page = f.shell("echo '<html></html>' | $Q classify - -m $M");
  CHECK(page.status == 1);
  CHECK(contains(page.err, "-#0: a web page"));
  const auto twice = f.shell("cat a.jpg | $Q classify - - -m $M");
  CHECK(twice.status == 2);
  CHECK(contains(twice.err, "standard input can be read once"));
  const auto folder = f.shell("$Q classify - -m $M < .");
  CHECK(folder.status == 1);
  CHECK(contains(folder.err, "standard input: cannot be read"));
}

TEST_CASE("a file that cannot be split off a pipe is an error, after the answers before it") {
  const Fixture f;
  f.folder.write("photos/d.tif", std::string("II*\0\x08\0\0\0", 8) + std::string(100, 'x'));
  f.folder.write("photos/e.html", std::string("<html><title>404 Not Found</title></html>\n"));
  const auto tiff = f.shell("cat a.jpg b.jpg d.tif a.jpg | $Q classify - -m $M --json");
  CAPTURE(tiff.err);
  CHECK(tiff.status == 1);
  CHECK(answers(tiff.out).size() == 2);
  CHECK(contains(tiff.err, "error: -#2: a TIFF picture: "));
  CHECK(contains(tiff.err, "nothing behind it is read"));
  CHECK(contains(tiff.err, "1 of 3 pictures could not be read"));
  const auto page = f.shell("cat a.jpg e.html b.jpg | $Q classify - -m $M --json");
  CAPTURE(page.err);
  CHECK(page.status == 1);
  CHECK(answers(page.out).size() == 2);
  CHECK(contains(page.err, "error: -#1: a web page"));
  // Bytes of a phone's own.
  const auto own = f.shell(
      "(cat a.jpg; printf '\\001\\002SEF%0100d' 1; cat b.jpg) | $Q classify - -m $M --json");
  CAPTURE(own.err);
  CHECK(own.status == 0);
  CHECK(answers(own.out).size() == 2);
  CHECK(contains(own.err, "1 unknown piece behind pictures of a pipe passed over"));
}

TEST_CASE("a source that is no name, or a link to nothing") {
  const Fixture f;
  const auto empty = f.shell("$Q classify '' -m $M");
  CHECK(empty.status == 2);
  CHECK(contains(empty.err, "a source is an empty name"));
  const auto broken = f.shell("ln -s nowhere l.jpg; $Q classify l.jpg -m $M");
  CHECK(broken.status == 1);
  CHECK(contains(broken.err, "l.jpg: a broken link: it points to 'nowhere'"));
  const auto folder = f.shell("$Q classify . -m $M");
  CHECK(folder.status == 0);
  CHECK(contains(folder.err, "1 broken link (./l.jpg)"));
}

TEST_CASE("IDX files come through a pipe too") {
  const Fixture f;
  const std::string idx = test::write_idx(f.folder, 5);
  const auto file = answers(run({program, "classify", idx, "-m", f.model, "--json"}).out);
  const auto piped = answers(f.shell("gzip -c '" + idx + "' | $Q classify - -m $M --json").out);
  REQUIRE(piped.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(piped[i].second == file[i].second);
}

TEST_CASE("an empty file among others is named for what it is") {
  const Fixture f;
  f.folder.write("photos/zero.jpg", std::string());
  const auto outcome = f.shell("$Q classify . -m $M --json");
  CHECK(outcome.status == 1);
  CHECK(answers(outcome.out).size() == 3);
  CHECK(contains(outcome.err, "zero.jpg: an empty file"));
}

TEST_CASE("evaluate and compare take several sources and pipes as well") {
  const Fixture f;
  const auto evaluated =
      f.shell("cat a.jpg | $Q evaluate -m $M --cuts 2 --codecs ptq --bits 8 b.jpg -");
  CAPTURE(evaluated.err);
  CHECK(evaluated.status == 0);
  CHECK(contains(evaluated.out, "2 images"));
  const auto compared = f.shell("cat a.jpg | $Q compare b.jpg sub - -m $M --device cpu");
  CAPTURE(compared.err);
  CHECK(compared.status == 0);
  CHECK(contains(compared.out, "logits of 3 pictures"));
}

TEST_CASE("camera takes several files, and one camera") {
  const Fixture f;
  const auto files = f.shell("$Q camera b.jpg sub a.jpg -m $M --listen none --json");
  CAPTURE(files.err);
  CHECK(files.status == 0);
  CHECK(std::count(files.out.begin(), files.out.end(), '\n') == 3);
  CHECK(contains(files.out, "\"source\":\"b.jpg, sub, a.jpg\""));
  const auto cameras = f.shell("$Q camera http://127.0.0.1:1/ a.jpg -m $M --listen none");
  CHECK(cameras.status == 2);
  CHECK(contains(cameras.err, "one at a time"));
}

TEST_CASE("files that are no pictures are mentioned at the end") {
  const Fixture f;
  for (const char* const name : {"d.heic", "e.tif", "sub/f.heic", "notes.txt", "._a.jpg"})
    f.folder.write("photos/" + std::string(name), std::string("x"));
  const auto outcome = f.shell("$Q classify . -m $M --json");
  CHECK(outcome.status == 0);
  CHECK(answers(outcome.out).size() == 3);
  CHECK(contains(outcome.err, "4 other files passed over (.heic, .tif, .txt)"));
}

TEST_CASE("each line is written at once and whole, also where both streams go to one place") {
  const Fixture f;
  for (int i = 0; i < 200; ++i)
    f.folder.write("many/" + std::to_string(i) + ".jpg",
                   i % 3 == 1 ? std::string("<html>") : jpeg_text(i));
  const auto outcome = f.shell("$Q classify ../many -m $M --json --top 10 2>&1");
  std::istringstream text(outcome.out);
  int answered = 0, errors = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with('{')) answered += try_parse_json(line).is_object() ? 1 : 0;
    if (line.starts_with("error: ") && line.ends_with("can be read")) ++errors;
  }
  CHECK(answered == 133);
  CHECK(errors == 67);

  // A line comes while the pipe that the pictures come through is still open.
  test::Process live({"/bin/sh", "-c",
                      "(cat '" + f.photo("a.jpg") + "'; sleep 20) | '" + program +
                          "' classify - -m '" + f.model + "' --json --batch 1"});
  CHECK(live.wait_for_output("}\n", 15));
}
