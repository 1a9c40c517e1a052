#include "apps/commands/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace quantring::apps {
namespace {

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(std::size_t total)
    : total_(total),
      terminal_(::isatty(STDERR_FILENO) != 0),
      last_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  erase();
}

bool Progress::due() const {
  const auto interval = std::chrono::milliseconds(terminal_ ? 100 : 2000);
  return std::chrono::steady_clock::now() - last_ >= interval;
}

void Progress::show(std::size_t done, double images_per_s, const std::string& details) {
  const std::string count =
      total_ == 0 ? fmt::format("{} images", done) : fmt::format("{}/{}", done, total_);
  const std::string numbers = fmt::format("{}  {:.1f} images/s{}{}", count, images_per_s,
                                          details.empty() ? "" : "  ", details);
  if (!terminal_ || total_ == 0) {
    show(numbers);
    return;
  }
  constexpr std::size_t width = 24;
  const std::size_t filled = width * std::min(done, total_) / total_;
  show(fmt::format("[{:#<{}}{:.<{}}] {}", "", filled, "", width - filled, numbers));
}

void Progress::show(const std::string& text) {
  const std::lock_guard lock(mutex_);
  last_ = std::chrono::steady_clock::now();
  if (!terminal_) {
    std::fputs((text + "\n").c_str(), stderr);
    return;
  }
  bar_ = text.substr(0, terminal_columns() - 1);
  draw();
}

void Progress::print(std::FILE* stream, const std::string& line) {
  const std::lock_guard lock(mutex_);
  erase();
  // At once, whole: for readers of a pipe, and because both streams may go to the same place.
  std::fputs((line + "\n").c_str(), stream);
  std::fflush(stream);
  if (!bar_.empty()) draw();
}

void Progress::draw() {
  std::fputs(fmt::format("\r{}\033[K", bar_).c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::erase() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace quantring::apps
