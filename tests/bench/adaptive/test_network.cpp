#include "tests/bench/adaptive/test_network.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "ops/base/error.h"

namespace quantring::bench {
namespace {

const std::string names[] = {"quantring-bench-head", "quantring-bench-0", "quantring-bench-1"};

// Runs a program found in PATH; its own message goes to stderr. silent: nowhere.
int run(const std::vector<std::string>& command, bool silent = false) {
  std::vector<char*> argv;
  for (const auto& part : command) argv.push_back(const_cast<char*>(part.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error(fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (child == 0) {
    if (silent) {
      const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(null, STDOUT_FILENO);
      ::dup2(null, STDERR_FILENO);
    }
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void must(const std::vector<std::string>& command) {
  const int status = run(command);
  if (status == 127) {
    throw Error(fmt::format("'{}' is not installed: the package iproute2 has it", command.at(0)));
  }
  if (status != 0) throw Error(fmt::format("`{}` failed", fmt::join(command, " ")));
}

bool is_used(const std::string& name) {
  const std::string command = "ip netns pids " + name + " 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) return false;
  const bool any = std::fgetc(pipe) != EOF;
  ::pclose(pipe);
  return any;
}

void remove_namespaces() {
  for (const auto& name : names) run({"ip", "netns", "del", name}, /*silent=*/true);
}

void enter(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool entered = descriptor >= 0 && ::setns(descriptor, CLONE_NEWNET) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!entered) {
    throw Error(fmt::format("cannot enter the namespace {}: {}", name, std::strerror(errno)));
  }
}

// A virtual cable with an end in each of two namespaces, named after the other side.
void join(int from, const std::string& from_end, int to, const std::string& to_end, int subnet) {
  const auto& a = names[from];
  const auto& b = names[to];
  must({"ip", "link", "add", from_end, "netns", a, "type", "veth", "peer", "name", to_end, "netns",
        b});
  must({"ip", "-n", a, "addr", "add", fmt::format("10.213.{}.1/24", subnet), "dev", from_end});
  must({"ip", "-n", b, "addr", "add", fmt::format("10.213.{}.2/24", subnet), "dev", to_end});
  must({"ip", "-n", a, "link", "set", from_end, "up"});
  must({"ip", "-n", b, "link", "set", to_end, "up"});
}

}  // namespace

TestNetwork::TestNetwork() {
  for (const auto& name : names) {
    if (is_used(name)) {
      throw Error(fmt::format("the namespace {} is in use: another run of this is going on", name));
    }
  }
  remove_namespaces();
  try {
    for (const auto& name : names) {
      must({"ip", "netns", "add", name});
      must({"ip", "-n", name, "link", "set", "lo", "up"});
    }
    join(0, "to-stage0", 1, "to-head", 1);
    join(1, "to-stage1", 2, "to-stage0", 2);
    join(2, "to-head", 0, "to-stage1", 3);
  } catch (...) {
    remove_namespaces();
    throw;
  }
}

TestNetwork::~TestNetwork() {
  try {
    remove_namespaces();
  } catch (const Error&) {  // no process can be started: nothing more can be done
  }
}

void TestNetwork::enter_head() {
  enter(names[0]);
}

void TestNetwork::enter_stage(int stage) {
  enter(names[stage + 1]);
}

std::string TestNetwork::stage_address(int stage) {
  return fmt::format("10.213.{}.2:7710", stage + 1);
}

std::string TestNetwork::head_host() {
  return "10.213.3.2";
}

void TestNetwork::shape(double bits_per_second) {
  const std::string& stage = names[1];
  if (bits_per_second == 0) {
    run({"tc", "-n", stage, "qdisc", "del", "dev", "to-stage1", "root"}, /*silent=*/true);
    return;
  }
  must({"tc", "-n", stage, "qdisc", "replace", "dev", "to-stage1", "root", "tbf", "rate",
        fmt::format("{:.0f}bit", bits_per_second), "burst", "15kb", "latency", "50ms"});
}

}  // namespace quantring::bench
