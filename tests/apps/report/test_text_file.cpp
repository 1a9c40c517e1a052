// Output files are written atomically.

#include "apps/report/text_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ops/base/error.h"
#include "tests/support/golden.h"

using namespace quantring;
namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("a file is written and replaced") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "report.json";
  apps::write_text_file(path, "one\n");
  CHECK(content(path) == "one\n");
  const std::string large(1 << 20, 'x');
  apps::write_text_file(path, large);
  CHECK(content(path) == large);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a symbolic link is followed") {
  const test::TemporaryFolder folder;
  apps::write_text_file(folder / "file", "one");
  fs::create_symlink("file", folder / "link");
  apps::write_text_file(folder / "link", "two");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(content(folder / "file") == "two");
}

TEST_CASE("errors name the file, in check_writable and in write_text_file") {
  const test::TemporaryFolder folder;
  const std::string missing = folder / "no" / "file";
  fs::create_directory(folder / "folder");
  const std::string device = "/dev/null", directory = folder / "folder";
  for (const std::string& path : {missing, device, directory}) {
    CAPTURE(path);
    CHECK_THROWS_WITH_AS(apps::check_writable(path), doctest::Contains(path.c_str()), Error);
    CHECK_THROWS_WITH_AS(apps::write_text_file(path, "x"), doctest::Contains(path.c_str()), Error);
  }
  CHECK(fs::is_character_file(device));
  CHECK_NOTHROW(apps::check_writable(folder / "new"));
  CHECK_FALSE(fs::exists(folder / "new"));
}

TEST_CASE("a failed write leaves the old file unchanged") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "file";
  apps::write_text_file(path, "before");
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_WITH_AS(apps::write_text_file(path, std::string(5000, 'x')),
                       doctest::Contains(path.c_str()), Error);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(content(path) == "before");
  CHECK(files_in(folder.path()) == 1);
}
