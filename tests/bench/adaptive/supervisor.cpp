#include "tests/bench/adaptive/supervisor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/base/error.h"
#include "tests/bench/adaptive/test_network.h"

namespace quantring::bench {

int in_test_network(const std::function<int()>& work) {
  sigset_t waited, before;
  sigemptyset(&waited);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&waited, signal);
  sigprocmask(SIG_BLOCK, &waited, &before);
  const TestNetwork network;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw Error("cannot start a process");
  if (child == 0) {
    // Ctrl-C is for the parent, which then ends this process, and this process's end its nodes.
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    ::_exit(work());
  }
  int status = 0;
  for (;;) {
    int signal = 0;
    sigwait(&waited, &signal);
    if (signal != SIGCHLD) ::kill(child, SIGKILL);
    if (::waitpid(child, &status, signal == SIGCHLD ? WNOHANG : 0) == child) break;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace quantring::bench
