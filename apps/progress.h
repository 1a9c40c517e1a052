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
  explicit Progress(std::size_t total);
  ~Progress();  // removes the bar

  // details: what stands behind the count and the rate, e.g. the links' state. Draws at most ten
  // times a second (a terminal) or every two seconds (plain lines).
  bool due() const;
  void show(std::size_t done, double images_per_s, const std::string& details);

  // A line of output that must not be torn by the bar. May be called from any thread.
  void print(std::FILE* stream, const std::string& line);

 private:
  void erase();

  std::size_t total_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
  std::mutex mutex_;
};

}  // namespace quantring::apps
