// Child programs as byte sources: output, errors and cleanup.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/child_process.h"
#include "engine/camera/child_reader.h"
#include "ops/base/error.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::error_of;

using std::chrono::milliseconds;

ChildCommand shell(const std::string& script,
                   ChildProcess::Output output = ChildProcess::Output::standard) {
  return {{"/bin/sh", "-c", script}, output};
}

std::string read_some(ByteReader& reader) {
  std::vector<std::byte> buffer(100000);
  const std::size_t got = reader.read(buffer);
  return {reinterpret_cast<const char*>(buffer.data()), got};
}

std::string read_all(ByteReader& reader) {
  std::string all;
  for (std::string some = read_some(reader); !some.empty(); some = read_some(reader)) all += some;
  return all;
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
  return condition();
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

bool alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string skipped, state;
  return (file >> skipped >> skipped >> state) && state != "Z";
}

TEST_CASE("the output is read to its end, and no shell sees the arguments") {
  ChildReader echo({{"/bin/echo", "a b", "$(id)", "!", "*"}, {}}, {.name = "it"});
  CHECK(read_all(echo) == "a b $(id) ! *\n");
  ChildReader third(shell("echo chatter; echo data >&3", ChildProcess::Output::third),
                    {.name = "it"});
  CHECK(read_all(third) == "data\n");
  ChildReader input(shell("cat; echo end"), {.name = "it"});
  CHECK(read_all(input) == "end\n");
}

TEST_CASE("the error of a program that fails is one line, without the password") {
  const auto run = [](const std::string& script, bool endless = false) {
    ChildReader reader(shell(script), {.name = "cam",
                                       .endless = endless,
                                       .patience = {},
                                       .hide = {{"me:secret@", "me@"}, {"secret", "..."}}});
    return error_of([&] { read_all(reader); });
  };
  CHECK(run("echo x; echo first >&2; echo no such camera >&2; exit 3") ==
        "cam: sh: no such camera (exit status 3)");
  CHECK(run("exit 1") == "cam: sh: exit status 1");
  CHECK(run("kill -9 $$") == "cam: sh: killed by signal 9");
  CHECK(run("printf 'http://me:secret@h/ secret \\033[31m' >&2; exit 1") ==
        "cam: sh: http://...@h/ ... ?[31m (exit status 1)");
  // A line that is cut for its length is cut behind the password.
  const std::string word(280, 'x');
  const std::string cut = run("echo '" + word + " http://you:mysecr3tword@h/' >&2; exit 1");
  CHECK(cut.find("secr3t") == std::string::npos);
  CHECK(cut.size() < 350);
  CHECK(run("echo 'ERROR: no camera' >&2; echo debug >&2; echo Freeing >&2; exit 1") ==
        "cam: sh: ERROR: no camera (exit status 1)");
  CHECK(run("echo x", true) == "cam: sh: the stream ended");
  CHECK(run("echo x") == "no error");
  ChildReader none({{"/no/such/program"}, {}}, {.name = "cam", .remedy = "install it"});
  CHECK(error_of([&] { read_all(none); }) ==
        "cam: program: it cannot be executed (exit status 127); install it");
}

TEST_CASE("large amounts on standard error neither block the program nor are kept") {
  ChildReader reader(shell("head -c 3000000 /dev/zero | tr '\\0' 'y' >&2; yes | head -n 100000 "
                           ">&2; echo last >&2; echo data; exit 1"),
                     {.name = "it"});
  std::string data;
  CHECK(error_of([&] {
          for (;;) data += read_some(reader);
        }) == "it: sh: last (exit status 1)");
  CHECK(data == "data\n");
}

TEST_CASE("silence is an error with the message of the program") {
  ChildReader reader(shell("echo connecting >&2; sleep 1000"),
                     {.name = "cam", .endless = true, .patience = milliseconds(300), .hide = {}});
  CHECK(error_of([&] { read_some(reader); }) == "cam: sh: connecting (no picture for 0.3 s)");
}

TEST_CASE("a blocked read can be stopped") {
  ChildReader reader(shell("echo x; sleep 1000"), {.name = "it"});
  CHECK(read_some(reader) == "x\n");
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    reader.stop();
  });
  CHECK(read_some(reader).empty());
  stopper.join();
  CHECK(read_some(reader).empty());
}

TEST_CASE("the destructor ends the program and its children and closes our descriptors") {
  const std::size_t before = open_descriptors();
  for (const char* script :
       {"sleep 1000 & echo $!; wait",  // ends when interrupted
        "trap '' INT TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done",  // does not
        "sleep 1000 & echo $!; yes"}) {  // waits until it is read
    CAPTURE(script);
    pid_t child = 0, grandchild = 0;
    {
      ChildProcess process({"/bin/sh", "-c", script}, ChildProcess::Output::standard);
      child = process.pid();
      std::string line;
      char c = 0;
      while (::read(process.output(), &c, 1) == 1 && c != '\n') line += c;
      grandchild = std::stoi(line);
      CHECK(alive(child));
      CHECK(alive(grandchild));
      CHECK(::getpgid(child) == child);
      CHECK(!process.wait(milliseconds(1)));
    }
    CHECK(!alive(child));
    CHECK(::waitpid(child, nullptr, WNOHANG) == -1);  // no zombie
    CHECK(eventually([&] { return !alive(grandchild); }));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a program inherits none of our descriptors") {
  const int null = ::open("/dev/null", O_RDONLY);
  const int leaky = ::fcntl(null, F_DUPFD, 99);  // without O_CLOEXEC, as an ifstream's
  ChildReader standard(shell("ls /proc/$$/fd"), {.name = "it"});
  CHECK(read_all(standard) == "0\n1\n2\n");
  ChildReader third(shell("ls /proc/$$/fd >&3", ChildProcess::Output::third), {.name = "it"});
  const std::string list = read_all(third);
  CHECK(list.find("3\n") != std::string::npos);
  CHECK(list.find("99") == std::string::npos);
  ::close(leaky);
  ::close(null);
}

TEST_CASE("a program ends when its parent is killed") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t starter = ::fork();
  if (starter == 0) {
    const ChildProcess child({"/bin/sleep", "1000"}, ChildProcess::Output::standard);
    const pid_t pid = child.pid();
    [[maybe_unused]] const auto written = ::write(ends[1], &pid, sizeof pid);
    ::pause();
    ::_exit(0);
  }
  pid_t child = 0;
  REQUIRE(::read(ends[0], &child, sizeof child) == sizeof child);
  CHECK(alive(child));
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  CHECK(eventually([&] { return !alive(child); }));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("programs are found in PATH") {
  CHECK(find_program("sh").has_value());
  CHECK(!find_program("no-such-program-here").has_value());
}

}  // namespace
}  // namespace quantring
