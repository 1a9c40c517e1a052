#include "apps/commands/end_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace quantring::apps {
namespace {

sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

EndSignals::EndSignals(std::function<void()> noticed) : noticed_(std::move(noticed)) {
  const sigset_t signals = end_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { wait(); });
}

EndSignals::~EndSignals() {
  over_ = true;
  ::pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void EndSignals::wait() {
  const sigset_t signals = end_signals();
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (over_) return;
    if (noticed_) noticed_();
    const std::lock_guard lock(mutex_);
    if (!stop_ || signal_ != 0) ::_exit(128 + signal);
    signal_ = signal;
    stop_();
  }
}

EndSignals::Watch::Watch(EndSignals& signals, std::function<void()> stop) : signals_(signals) {
  const std::lock_guard lock(signals_.mutex_);
  signals_.stop_ = std::move(stop);
}

EndSignals::Watch::~Watch() {
  const std::lock_guard lock(signals_.mutex_);
  signals_.stop_ = {};
}

}  // namespace quantring::apps
