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

// The path of a program as the shell would find it; nothing when there is none.
std::optional<std::string> find_program(const std::string& name);

// The last lines that a program wrote to standard error; bounded, printable.
class LastLines {
 public:
  void push(std::string_view bytes);
  // The line that says most: the first that begins with ERROR, as GStreamer marks its own, else the
  // last. Empty when nothing was written.
  std::string best() const;

 private:
  void end_line();
  std::deque<std::string> lines_;
  std::string line_;
};

// Runs in a process group of its own, without our descriptors and with standard input at its end,
// and is asked to end when the thread that started it does.
class ChildProcess {
 public:
  // Where the program writes what is read here. third: descriptor 3, because some plugins print to
  // standard output, which then goes with the errors.
  enum class Output { standard, third };

  // arguments: [0] is the path of the program; never seen by a shell. Throws Error when the system
  // lets no more processes start.
  ChildProcess(const std::vector<std::string>& arguments, Output output);
  // Interrupts the group, waits a moment, kills it. No zombie is left.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  int output() const { return output_; }  // to read from
  int errors() const { return errors_; }  // to read from, without blocking
  // Waits so long for its end: "exit status 1", "killed by signal 9"; empty for status 0. Nothing
  // when it still runs.
  std::optional<std::string> wait(std::chrono::milliseconds patience) const;

 private:
  pid_t pid_ = -1;
  int output_ = -1, errors_ = -1;
};

}  // namespace quantring
