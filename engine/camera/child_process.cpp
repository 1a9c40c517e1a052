#include "engine/camera/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "ops/base/error.h"

namespace quantring {
namespace {

// Longer than a URL: a part of one could not be told from other text, and hides no password.
constexpr std::size_t max_lines = 20, max_line_length = 8192;
constexpr int data_descriptor = 3;
constexpr std::chrono::milliseconds interrupt_timeout{1000}, poll_interval{5};

struct Pipe {
  int read = -1, write = -1;
  ~Pipe() {
    for (const int end : {read, write})
      if (end >= 0) ::close(end);
  }
};

// Above the descriptors that the child redirects.
bool move_up(int& descriptor) {
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, data_descriptor + 1);
  if (moved < 0) return false;
  ::close(descriptor);
  descriptor = moved;
  return true;
}

bool open_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = ends[0];
  pipe.write = ends[1];
  return move_up(pipe.read) && move_up(pipe.write);
}

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void execute(char* const* arguments, int output, int errors, int input, bool third,
                          pid_t parent) {
  ::setpgid(0, 0);
  // Ignored and blocked signals are inherited through exec.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);  // the parent ended before prctl
  ::dup2(input, STDIN_FILENO);
  ::dup2(third ? errors : output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  if (third) ::dup2(output, data_descriptor);
  // Files opened without O_CLOEXEC. Fails before Linux 5.9.
  ::close_range(static_cast<unsigned>(third ? data_descriptor + 1 : data_descriptor), ~0U, 0);
  ::execv(arguments[0], arguments);
  constexpr char failed[] = "it cannot be executed\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, failed, sizeof failed - 1);
  ::_exit(127);
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  const std::string folders = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string folder = folders.substr(begin, end - begin);
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

void LastLines::push(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n' || c == '\r') {
      end_line();
    } else if (line_.size() < max_line_length) {
      line_ += static_cast<unsigned char>(c) >= ' ' && c != 0x7F ? c : '?';
    }
  }
}

std::string LastLines::summary() const {
  for (const std::string& line : lines_)
    if (line.starts_with("ERROR")) return line;
  if (!line_.empty() || lines_.empty()) return line_;
  return lines_.back();
}

void LastLines::end_line() {
  if (line_.find_first_not_of(' ') != std::string::npos) lines_.push_back(line_);
  if (lines_.size() > max_lines) lines_.pop_front();
  line_.clear();
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, Output output) {
  Pipe data, errors, input;
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const bool opened = open_pipe(data) && open_pipe(errors) && open_pipe(input) &&
                      ::fcntl(errors.read, F_SETFL, O_NONBLOCK) == 0;
  if (opened) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0)
      execute(pointers.data(), data.write, errors.write, input.read, output == Output::third,
              parent);
  }
  if (pid_ < 0)
    throw Error(fmt::format("{}: cannot be started: {}", arguments[0], std::strerror(errno)));
  // Also in the child: whichever runs first, the group exists before it is signalled.
  ::setpgid(pid_, pid_);
  std::swap(output_, data.read);
  std::swap(errors_, errors.read);
}

ChildProcess::~ChildProcess() {
  // First, to unblock a program that waits for its output to be read.
  ::close(output_);
  ::close(errors_);
  ::kill(-pid_, SIGINT);
  wait(interrupt_timeout);
  ::kill(-pid_, SIGKILL);  // the rest of the group
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<std::string> ChildProcess::wait(std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    siginfo_t info{};
    // WNOWAIT: the process id stays reserved until the destructor reaps the child.
    const int result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (result == 0 && info.si_pid == pid_) {
      if (info.si_code != CLD_EXITED) return fmt::format("killed by signal {}", info.si_status);
      if (info.si_status != 0) return fmt::format("exit status {}", info.si_status);
      return std::string();
    }
    if (result < 0 && errno != EINTR) return std::string();  // reaped elsewhere
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(poll_interval);
  }
}

}  // namespace quantring
