// The file of measured choices: written and read, damaged, shared by processes. Needs no GPU.

#include "ops/cuda/matmul/tuning_cache.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

using namespace quantring::cuda;
namespace fs = std::filesystem;

namespace {

constexpr const char* versions = "NVIDIA H100 80GB HBM3, 9.0, driver 13000, build 5-7";

const TuningChoices two_choices{
    {"r197_i768_o2304_f16", {"mma", "64x64s4w4", 2.875, "cublaslt:5.812,wgmma:3.1", 130100}},
    {"r1_i768_o1000_f16", {"cublaslt", "42.0.1c.0.0.0.0.0+act", 12.5, "", 0}}};

// A temporary folder.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("quantring_tuning_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file() const { return (path / "cache" / "choices.txt").string(); }
};

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TuningChoice choice_of(const std::string& candidate) {
  return {"mma", candidate, 1, "", 0};
}

}  // namespace

TEST_CASE("choices are read as written") {
  CHECK(parse_choices(format_choices(two_choices, versions), versions) == two_choices);
  CHECK(parse_choices(format_choices({}, versions), versions).empty());
}

TEST_CASE("the text of another device, driver or build is ignored") {
  const std::string text = format_choices(two_choices, versions);
  CHECK(parse_choices(text, "NVIDIA H200, 9.0, driver 13000, build 5-7").empty());
  CHECK(parse_choices(text, "").empty());
  CHECK(choices_path("NVIDIA H200", "a") != choices_path("NVIDIA H200", "b"));
}

TEST_CASE("a line with any changed byte is skipped; the others are read") {
  const std::string text = format_choices(two_choices, versions);
  const std::size_t start = text.find("r1_");
  const std::size_t end = text.find('\n', start);
  for (std::size_t i = start; i < end; ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    const TuningChoices choices = parse_choices(changed, versions);
    CHECK_MESSAGE(choices.size() == 1, "byte ", i);
    CHECK(choices.contains("r197_i768_o2304_f16"));
  }
}

TEST_CASE("only complete lines of a truncated text are read") {
  const std::string text = format_choices(two_choices, versions);
  for (std::size_t size = 0; size < text.size(); ++size) {
    for (const auto& [shape, choice] : parse_choices(text.substr(0, size), versions)) {
      REQUIRE(two_choices.contains(shape));
      CHECK(two_choices.at(shape) == choice);
    }
  }
}

TEST_CASE("random data, also mixed with choices, is skipped") {
  std::mt19937 random(1);
  const std::string text = format_choices(two_choices, versions);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = round % 2 == 0 ? text : text.substr(0, text.find("r1"));
    for (int changes = 0; changes < 1 + round % 40; ++changes) {
      const char value = round % 3 == 0 ? static_cast<char>(random()) : " \n\0-0f"[random() % 6];
      const std::size_t at = random() % bytes.size();
      if (random() % 2 == 0) {
        bytes[at] = value;
      } else {
        bytes.insert(at, 1 + random() % 5, value);
      }
    }
    for (const auto& [shape, choice] : parse_choices(bytes, versions)) {
      REQUIRE(two_choices.contains(shape));
      REQUIRE(two_choices.at(shape) == choice);
    }
  }
}

TEST_CASE("the file is created with its folder, without temporary files left") {
  const Folder folder;
  TuningCache cache(folder.file(), versions);
  CHECK(cache.find("shape") == nullptr);
  cache.add("shape", choice_of("a"));
  REQUIRE(cache.find("shape") != nullptr);
  const TuningCache next(folder.file(), versions);
  REQUIRE(next.find("shape") != nullptr);
  CHECK(*next.find("shape") == choice_of("a"));
  std::vector<fs::path> files(fs::directory_iterator(folder.path / "cache"), {});
  CHECK(files == std::vector<fs::path>{folder.file()});
}

TEST_CASE("two writers of one file keep each other's choices") {
  const Folder folder;
  TuningCache one(folder.file(), versions), other(folder.file(), versions);
  one.add("a", choice_of("1"));
  other.add("b", choice_of("2"));
  other.add("a", choice_of("3"));
  one.add("c", choice_of("4"));
  const TuningChoices all = parse_choices(read(folder.file()), versions);
  CHECK(all.size() == 3);
  CHECK(all.at("a").candidate == "1");  // its own: it may have recorded a graph of it
  CHECK(all.at("b").candidate == "2");
}

TEST_CASE("many concurrent writers: the file is always complete") {
  const Folder folder;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      TuningCache cache(folder.file(), versions);
      for (int i = 0; i < 50; ++i) {
        cache.add("w" + std::to_string(writer) + "_" + std::to_string(i), choice_of("x"));
      }
    });
  }
  int broken = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text = read(folder.file());
    if (!text.empty() && format_choices(parse_choices(text, versions), versions) != text) ++broken;
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(broken == 0);
  // The last writer has at least its own choices.
  CHECK(parse_choices(read(folder.file()), versions).size() >= 50);
}

TEST_CASE("random data, a folder, a pipe or no location for the file: measured again, no error") {
  const Folder folder;
  const std::string garbage = (folder.path / "garbage.txt").string();
  std::ofstream(garbage) << std::string(100000, 'x');
  TuningCache over(garbage, versions);
  CHECK(over.find("a") == nullptr);
  over.add("a", choice_of("1"));
  CHECK(parse_choices(read(garbage), versions).size() == 1);

  const std::string pipe = (folder.path / "pipe").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(TuningCache(pipe, versions).find("a") == nullptr);

  for (const std::string& place : {folder.path.string(), garbage + "/below/file.txt",
                                   std::string("/proc/none/file.txt"), std::string()}) {
    TuningCache cache(place, versions);
    cache.add("a", choice_of("1"));
    CHECK(cache.find("a") != nullptr);
  }
}

TEST_CASE("the path: XDG_CACHE_HOME, else ~/.cache, else none") {
  const char* home = std::getenv("HOME");
  const std::string home_before = home == nullptr ? "" : home;
  setenv("XDG_CACHE_HOME", "/tmp/xdg", 1);
  CHECK(choices_path("NVIDIA H100 80GB/HBM3", "v")
            .starts_with("/tmp/xdg/quantring/matmul-nvidia-h100-80gb-hbm3-"));
  setenv("XDG_CACHE_HOME", "relative", 1);
  setenv("HOME", "/home/somebody", 1);
  CHECK(choices_path("Orin", "v").starts_with("/home/somebody/.cache/quantring/matmul-orin-"));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  CHECK(choices_path("Orin", "v").empty());
  setenv("HOME", home_before.c_str(), 1);
}
