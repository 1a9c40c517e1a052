#pragma once
// Progress on stderr: a bar on the last line of a terminal, or a plain line every two seconds.

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

namespace quantring::apps {

class Progress {
 public:
  // total: 0 if it is not known.
  explicit Progress(std::size_t total = 0);
  ~Progress();  // removes the bar

  // It is time for the next show(): ten times a second on a terminal, else every two seconds.
  bool due() const;
  bool terminal() const { return terminal_; }
  // details: shown after count and rate.
  void show(std::size_t done, double images_per_s, const std::string& details);
  // For runs without a known end: any text of one line.
  void show(const std::string& text);

  // A line of output that is not broken up by the bar. From any thread.
  void print(std::FILE* stream, const std::string& line);

 private:
  void draw();
  void erase();

  std::size_t total_;
  bool terminal_;
  bool drawn_ = false;
  std::string bar_;  // as last drawn
  std::chrono::steady_clock::time_point last_;
  std::mutex mutex_;
};

}  // namespace quantring::apps
