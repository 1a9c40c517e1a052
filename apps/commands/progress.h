#pragma once
// How far a run is, on stderr: a bar that stays on one line of a terminal, or a plain line now and
// then.

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

namespace quantring::apps {

class Progress {
 public:
  explicit Progress(std::size_t total = 0);
  ~Progress();  // removes the bar

  // details: what stands behind the count and the rate, e.g. the links' state. Draws at most ten
  // times a second (a terminal) or every two seconds (plain lines).
  bool due() const;
  bool terminal() const { return terminal_; }
  void show(std::size_t done, double images_per_s, const std::string& details);
  // The same for what has no end: any text, at most a line.
  void show(const std::string& text);

  // A line of output that must not be torn by the bar. May be called from any thread.
  void print(std::FILE* stream, const std::string& line);

 private:
  void draw();
  void erase();

  std::size_t total_;
  bool terminal_;
  bool drawn_ = false;
  std::string bar_;  // as it was drawn last
  std::chrono::steady_clock::time_point last_;
  std::mutex mutex_;
};

}  // namespace quantring::apps
