#include "apps/options/local_nodes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "apps/options/compute_options.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

constexpr int start_timeout_ms = 20000;

// The first line that a node prints; empty when it ended or stayed silent too long.
std::string read_line(int descriptor) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(start_timeout_ms);
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ready{descriptor, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return {};
    char bytes[256];
    const ssize_t got = ::read(descriptor, bytes, sizeof bytes);
    if (got <= 0) return {};
    line.append(bytes, static_cast<std::size_t>(got));
  }
  return line;
}

}  // namespace

LocalNodes::LocalNodes(int count, const std::string& model_path, const ContextOptions& compute) {
  try {
    for (int i = 0; i < count; ++i) start(model_path, compute);
  } catch (...) {
    stop();
    throw;
  }
}

LocalNodes::~LocalNodes() {
  stop();
}

void LocalNodes::start(const std::string& model_path, const ContextOptions& compute) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0)
    throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  // Everything that allocates is done before the fork.
  const std::string device = device_text(compute.device),
                    precision = precision_text(compute.precision),
                    threads = std::to_string(compute.threads);
  const char* const arguments[] = {
      "quantring", "node",         "--model",     model_path.c_str(), "--listen",  "127.0.0.1:0",
      "--device",  device.c_str(), "--precision", precision.c_str(),  "--threads", threads.c_str(),
      "--quiet",   nullptr};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // the head died in between
    // A Ctrl-C in the terminal is for the head, which then ends the nodes in order.
    ::setpgid(0, 0);
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  if (child < 0) {
    ::close(pipe_ends[0]);
    throw Error(fmt::format("cannot start a node process: {}", std::strerror(errno)));
  }
  processes_.push_back(child);
  const std::string line = read_line(pipe_ends[0]);
  ::close(pipe_ends[0]);
  constexpr std::string_view prefix = "listening on port ";
  if (line.compare(0, prefix.size(), prefix) != 0) {
    throw Error("a local node process did not start; its message is above");
  }
  addresses_.push_back(fmt::format("127.0.0.1:{}", std::atoi(line.c_str() + prefix.size())));
}

void LocalNodes::stop() {
  for (const pid_t process : processes_) ::kill(process, SIGTERM);
  for (const pid_t process : processes_) {
    // A node finishes the batch in hand; one that hangs is not waited for.
    for (int tries = 0; ::waitpid(process, nullptr, WNOHANG) == 0; ++tries) {
      if (tries == 300) ::kill(process, SIGKILL);
      ::usleep(10000);
    }
  }
  processes_.clear();
}

}  // namespace quantring::apps
