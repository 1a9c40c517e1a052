#pragma once
// How fast a source gives pictures, from the time in which a session had to wait for them: a
// session that is behind never waits.

#include <cstdint>
#include <deque>
#include <optional>

namespace quantring {

class SourceRate {
 public:
  // now_s: any monotonic clock.
  void waits(bool waiting, double now_s);  // the session has room and nothing to send
  void arrived(std::uint32_t images, double now_s);

  // images/s, about once a second; 0: the session waits too little for the source to matter.
  std::optional<double> news(double now_s);

 private:
  struct Mark {
    double time_s, waited_s;
    std::uint64_t images;
  };
  Mark now_{};
  bool waiting_ = false;
  std::deque<Mark> marks_;  // one a second
};

}  // namespace quantring
