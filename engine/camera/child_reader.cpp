#include "engine/camera/child_reader.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ops/base/error.h"
#include "ops/base/password.h"

namespace quantring {
namespace {

constexpr std::size_t max_shown = 300;  // of a program's message

// From the end of the output to the exit of the program.
constexpr std::chrono::milliseconds exit_timeout{2000};

}  // namespace

ChildReader::ChildReader(const ChildCommand& command, ChildReaderOptions options)
    : program_(command.arguments.at(0).substr(command.arguments[0].rfind('/') + 1)),
      options_(std::move(options)),
      child_(command.arguments, command.output) {}

std::size_t ChildReader::read(std::span<std::byte> buffer) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + options_.patience;
  for (;;) {
    pollfd waiting[3] = {
        {.fd = stop_.descriptor(), .events = POLLIN, .revents = 0},
        {.fd = child_.output(), .events = POLLIN, .revents = 0},
        {.fd = errors_open_ ? child_.errors() : -1, .events = POLLIN, .revents = 0}};
    int wait = -1;
    if (options_.patience.count() != 0) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      wait = static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
    }
    const int ready = ::poll(waiting, 3, wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw Error(why(fmt::format("cannot wait: {}", std::strerror(errno))));
    if (waiting[0].revents != 0) return 0;
    if (waiting[2].revents != 0) read_errors();
    if (waiting[1].revents != 0) {
      const ssize_t got = ::read(child_.output(), buffer.data(), buffer.size());
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return end();
      if (errno != EINTR) throw Error(why(std::strerror(errno)));
    } else if (options_.patience.count() != 0 && Clock::now() >= deadline) {
      const std::chrono::duration<double> patience = options_.patience;
      throw Error(why(fmt::format("no picture for {:g} s", patience.count())));
    }
  }
}

void ChildReader::read_errors() {
  char bytes[4096];
  for (;;) {
    const ssize_t got = ::read(child_.errors(), bytes, sizeof bytes);
    if (got > 0) {
      lines_.push({bytes, static_cast<std::size_t>(got)});
    } else {
      errors_open_ = got < 0 && (errno == EAGAIN || errno == EINTR);
      return;
    }
  }
}

std::size_t ChildReader::end() {
  const auto status = child_.wait(exit_timeout);
  read_errors();
  if (!status) throw Error(why("closed its output"));
  if (!status->empty()) throw Error(why(*status));
  if (options_.endless) throw Error(why("the stream ended"));
  return 0;
}

// "rtsp://me@cam/x: ffmpeg: Connection refused (exit status 1)"
std::string ChildReader::why(const std::string& what) const {
  std::string output = lines_.summary();
  for (const auto& [secret, shown] : options_.hide) replace_all(output, secret, shown);
  output = without_uri_passwords(output);
  output.resize(std::min(output.size(), max_shown));
  const std::string cause = output.empty() ? what : fmt::format("{} ({})", output, what);
  return fmt::format("{}: {}: {}{}{}", options_.name, program_, cause,
                     options_.remedy.empty() ? "" : "; ", options_.remedy);
}

}  // namespace quantring
