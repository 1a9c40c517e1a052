#pragma once
// Runs the built programs.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace quantring::test {

// A program whose stdout and stderr are collected.
class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments) {
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) std::abort();
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    streams_[0].descriptor = out[0];
    streams_[1].descriptor = err[0];
  }
  ~Process() {
    if (status_ < 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (Stream& stream : streams_) ::close(stream.descriptor);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& out() const { return streams_[0].text; }
  const std::string& err() const { return streams_[1].text; }

  // Collects output until `text` is on stdout; false if the program ended or the time is over.
  bool wait_for_output(const std::string& text, double seconds = 30) {
    const auto deadline = after(seconds);
    while (out().find(text) == std::string::npos) {
      if (!collect(deadline)) return out().find(text) != std::string::npos;
    }
    return true;
  }

  // Collects output until the program ends. Returns the exit status, 128 + the signal's number, or
  // -1 if it did not end in time; the destructor then kills it.
  int wait(double seconds = 60) {
    const auto deadline = after(seconds);
    while (collect(deadline)) {
    }
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      ::usleep(5000);
    }
    return status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Stream {
    int descriptor = -1;
    std::string text;
    bool open = true;
  };

  static Time after(double seconds) {
    return std::chrono::steady_clock::now() +
           std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  }

  // Reads from either stream; false if both have ended or the time is over.
  bool collect(Time deadline) {
    pollfd waiting[2];
    for (int i = 0; i < 2; ++i)
      waiting[i] = {streams_[i].open ? streams_[i].descriptor : -1, POLLIN, 0};
    if (!streams_[0].open && !streams_[1].open) return false;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(waiting, 2, static_cast<int>(left.count())) <= 0) return false;
    for (int i = 0; i < 2; ++i) {
      if (waiting[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t got = ::read(streams_[i].descriptor, bytes, sizeof bytes);
      if (got > 0) {
        streams_[i].text.append(bytes, static_cast<std::size_t>(got));
      } else {
        streams_[i].open = false;
      }
    }
    return true;
  }

  pid_t pid_ = -1;
  int status_ = -1;
  Stream streams_[2];
};

struct Outcome {
  int status;
  std::string out, err;
};

inline Outcome run(const std::vector<std::string>& arguments, double seconds = 60) {
  Process process(arguments);
  const int status = process.wait(seconds);
  return {status, process.out(), process.err()};
}

}  // namespace quantring::test
