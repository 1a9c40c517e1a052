#pragma once
// Tells systemd how a service is: ready, still alive, stopping. Its datagram protocol
// (sd_notify(3)), spoken here so that no library is needed and a static program has it too.
//
//   ServiceNotifier notifier;
//   notifier.ready("listening on port 7710");   // READY=1, once it can do its work
//   notifier.alive();                           // as often as the main loop comes round
//   notifier.status("session of 10.0.0.1");     // one line for `systemctl status`
//   notifier.stopping();
//
// Without $NOTIFY_SOCKET, as under a shell, everything does nothing. Nothing throws, and
// alive() and status() never wait: a service must not fail for its supervisor's sake.

#include <chrono>
#include <mutex>
#include <string>

namespace quantring::apps {

class ServiceNotifier {
 public:
  // Reads $NOTIFY_SOCKET (a path, or @name of an abstract socket), $WATCHDOG_USEC and
  // $WATCHDOG_PID, and takes them out of the environment, so that a program started from here does
  // not speak for the service. Before any thread is started.
  ServiceNotifier();
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  bool active() const { return socket_ >= 0; }  // somebody listens

  // From any thread. A text is cut after its first line.
  void ready(const std::string& status);
  void status(const std::string& status);  // the same text again is not sent again
  void stopping();

  // Feeds the watchdog, at most twice in its interval: call it as often as is handy, from the loop
  // whose hanging should end the service. Nothing where the unit has no WatchdogSec.
  void alive();

 private:
  using Clock = std::chrono::steady_clock;
  bool send(const std::string& message, int flags);  // false: nobody listens, or no room

  int socket_ = -1;
  Clock::duration interval_{};  // half of what the watchdog allows; 0: no watchdog
  std::mutex mutex_;            // over the two below
  Clock::time_point fed_{};
  std::string status_;
};

}  // namespace quantring::apps
