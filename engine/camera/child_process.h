#pragma once
// Another program whose output is read: ffmpeg, gst-launch-1.0.

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantring {

// The path of a program in $PATH; nullopt if there is none.
std::optional<std::string> find_program(const std::string& name);

// The last lines that a program wrote to standard error, limited in number and length, printable.
class LastLines {
 public:
  void push(std::string_view bytes);
  // The first line that begins with ERROR, which is GStreamer's prefix, else the last. Empty if
  // nothing was written.
  std::string summary() const;

 private:
  void end_line();
  std::deque<std::string> lines_;
  std::string line_;
};

// Runs in its own process group, without our descriptors and with an empty standard input. The
// kernel sends it SIGTERM when the thread that started it ends.
class ChildProcess {
 public:
  // Where the program writes its data. third: descriptor 3, for programs whose plugins print to
  // standard output, which is then read as errors.
  enum class Output { standard, third };

  // arguments: [0] is the path of the program; no shell is involved. Throws Error if no process can
  // be started.
  ChildProcess(const std::vector<std::string>& arguments, Output output);
  // Interrupts the group, waits up to 1 s, kills it and reaps the child.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  int output() const { return output_; }  // read end, blocking
  int errors() const { return errors_; }  // read end, non-blocking
  // How it ended: "exit status 1", "killed by signal 9"; empty for status 0. nullopt if it still
  // runs after the timeout.
  std::optional<std::string> wait(std::chrono::milliseconds timeout) const;

 private:
  pid_t pid_ = -1;
  int output_ = -1, errors_ = -1;
};

}  // namespace quantring
