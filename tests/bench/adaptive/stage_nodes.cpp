#include "tests/bench/adaptive/stage_nodes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/base/error.h"
#include "tests/bench/adaptive/test_network.h"

namespace quantring::bench {

StageNodes::StageNodes(const std::string& program, const std::string& model,
                       const std::string& log) {
  try {
    for (int stage = 0; stage < 2; ++stage) start(program, model, log, stage);
  } catch (...) {
    stop();
    throw;
  }
}

StageNodes::~StageNodes() {
  stop();
}

void StageNodes::start(const std::string& program, const std::string& model, const std::string& log,
                       int stage) {
  const std::string address = TestNetwork::stage_address(stage);
  const std::string log_path = fmt::format("{}-{}.txt", log, stage);
  const char* const arguments[] = {
      "quantring", "node", "--model",   model.c_str(), "--listen", address.c_str(),
      "--device",  "cpu",  "--threads", "1",           nullptr};
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) throw Error("cannot make a pipe");
  const pid_t child = ::fork();
  if (child < 0) throw Error("cannot start a node process");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ::dup2(out[1], STDOUT_FILENO);
    if (file >= 0) ::dup2(file, STDERR_FILENO);
    try {
      TestNetwork::enter_stage(stage);
    } catch (const Error&) {
      ::_exit(126);
    }
    ::execv(program.c_str(), const_cast<char* const*>(arguments));
    ::_exit(127);
  }
  ::close(out[1]);
  processes_.push_back(child);
  // The first line on stdout says that it listens; the pipe ends when the node does.
  char first = 0;
  const bool listening = ::read(out[0], &first, 1) == 1;
  ::close(out[0]);
  if (!listening) {
    throw Error(
        fmt::format("`{} node` did not start for stage {}: see {}", program, stage, log_path));
  }
}

void StageNodes::stop() {
  for (const pid_t process : processes_) ::kill(process, SIGTERM);
  for (const pid_t process : processes_) ::waitpid(process, nullptr, 0);
  processes_.clear();
}

}  // namespace quantring::bench
