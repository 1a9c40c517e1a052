#pragma once
// Service state for systemd: ready, alive, stopping. Implements the datagram protocol of
// sd_notify(3), so that a static program needs no library.
//
//   ServiceNotifier notifier;
//   notifier.ready("listening on port 7710");   // READY=1, once it can do its work
//   notifier.alive();                           // in every turn of the main loop
//   notifier.status("session of 10.0.0.1");     // one line for `systemctl status`
//   notifier.stopping();
//
// Without $NOTIFY_SOCKET, as under a shell, nothing is sent. Nothing throws, and alive() and
// status() never block: a service must not fail because of its supervisor.

#include <chrono>
#include <mutex>
#include <string>

namespace quantring::apps {

class ServiceNotifier {
 public:
  // Reads $NOTIFY_SOCKET (a path, or @name of an abstract socket), $WATCHDOG_USEC and
  // $WATCHDOG_PID, and removes them from the environment of child processes. Call before any
  // thread is started.
  ServiceNotifier();
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  bool active() const { return socket_ >= 0; }

  // From any thread. A text is cut after its first line.
  void ready(const std::string& status);
  void status(const std::string& status);  // the same text again is not sent again
  void stopping();

  // Feeds the watchdog, at most twice in its interval, however often it is called. Call it from the
  // loop that must not hang. Nothing where the unit has no WatchdogSec.
  void alive();

 private:
  using Clock = std::chrono::steady_clock;
  bool send(const std::string& message, int flags);  // false: not sent

  int socket_ = -1;
  Clock::duration interval_{};  // half of what the watchdog allows; 0: no watchdog
  std::mutex mutex_;            // over the two below
  Clock::time_point fed_{};
  std::string status_;
};

}  // namespace quantring::apps
