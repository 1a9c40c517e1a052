#include "apps/session/source_rate.h"

namespace quantring {
namespace {

constexpr std::size_t max_marks = 6;
constexpr double mark_s = 1;
constexpr double least_share = 0.1;  // of the time, spent waiting

}  // namespace

void SourceRate::waits(bool waiting, double now_s) {
  if (waiting_) now_.waited_s += now_s - now_.time_s;
  now_.time_s = now_s;
  waiting_ = waiting;
}

void SourceRate::arrived(std::uint32_t images, double now_s) {
  waits(waiting_, now_s);
  now_.images += images;
}

std::optional<double> SourceRate::news(double now_s) {
  waits(waiting_, now_s);
  if (marks_.empty()) marks_.push_back(now_);
  if (now_s < marks_.back().time_s + mark_s) return std::nullopt;
  const Mark first = marks_.front();
  marks_.push_back(now_);
  if (marks_.size() > max_marks) marks_.pop_front();
  const double waited = now_.waited_s - first.waited_s;
  if (waited < least_share * (now_s - first.time_s)) return 0;
  return static_cast<double>(now_.images - first.images) / waited;
}

}  // namespace quantring
