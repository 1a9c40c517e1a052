// Notifications of a service, received on a real datagram socket.

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "apps/commands/service_notify.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/process.h"

using namespace quantring;
using apps::ServiceNotifier;

namespace {

// Receives notifications as systemd does. "@name" is an abstract socket.
class Supervisor {
 public:
  explicit Supervisor(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.data(), name.size());
    socklen_t size = sizeof address;
    if (name[0] == '@') {
      address.sun_path[0] = '\0';
      size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    }
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Supervisor() {
    ::close(socket_);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }

  // The next message; "" at the timeout.
  std::string next_message(double seconds = 0) {
    const timeval timeout{static_cast<time_t>(seconds), 1000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    char bytes[4096];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
  }
  // Waits for `message`, skipping others.
  bool wait_for(const std::string& message) {
    for (std::string each = next_message(30); !each.empty(); each = next_message(30)) {
      if (each == message) return true;
    }
    return false;
  }

 private:
  int socket_;
};

}  // namespace

TEST_CASE("notifications on a path and on an abstract socket") {
  const test::TemporaryFolder folder;
  for (const std::string& name :
       {(folder / "notify").string(), "@quantring-test-" + std::to_string(::getpid())}) {
    CAPTURE(name);
    Supervisor supervisor(name);
    ServiceNotifier notifier;
    CHECK(notifier.active());
    CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);  // not for the children
    notifier.ready("listening on port 7710\nsecond line");
    CHECK(supervisor.next_message() == "READY=1\nSTATUS=listening on port 7710\n");
    notifier.status("a session of 10.0.0.1");
    CHECK(supervisor.next_message() == "STATUS=a session of 10.0.0.1\n");
    notifier.status("a session of 10.0.0.1");
    CHECK(supervisor.next_message() == "");
    notifier.alive();
    CHECK(supervisor.next_message() == "");  // the unit has no watchdog
    notifier.stopping();
    CHECK(supervisor.next_message() == "STOPPING=1\nSTATUS=stopping\n");
  }
}

TEST_CASE("the watchdog is fed at half its interval, however fast the loop runs") {
  const test::TemporaryFolder folder;
  Supervisor supervisor((folder / "notify").string());
  ::setenv("WATCHDOG_USEC", "600000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  ServiceNotifier notifier;
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  int fed = 0;
  while (Clock::now() - start < std::chrono::milliseconds(1300)) {
    notifier.alive();
    if (supervisor.next_message() == "WATCHDOG=1\n") ++fed;
  }
  // At 0, 300, 600, 900 and 1200 ms; fewer when this machine stood still meanwhile.
  CHECK(fed >= 2);
  CHECK(fed <= 5);
}

TEST_CASE("a watchdog over another process is not ours to feed") {
  const test::TemporaryFolder folder;
  Supervisor supervisor((folder / "notify").string());
  ::setenv("WATCHDOG_USEC", "1000000", 1);
  ::setenv("WATCHDOG_PID", "1", 1);
  ServiceNotifier notifier;
  notifier.alive();
  CHECK(supervisor.next_message() == "");
}

TEST_CASE("without a supervisor, or with an unreachable one, calls do nothing") {
  for (const char* name : {"", "/nowhere/to/be/found", "relative", "@", "vsock:2:1234"}) {
    CAPTURE(name);
    ::setenv("NOTIFY_SOCKET", name, 1);
    ::setenv("WATCHDOG_USEC", "1000000", 1);
    ServiceNotifier notifier;
    CHECK_FALSE(notifier.active());
    notifier.ready("x");
    notifier.alive();
    notifier.stopping();
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  CHECK_FALSE(ServiceNotifier().active());
  CHECK_FALSE(ServiceNotifier().active());  // unset
}

TEST_CASE("a supervisor that disappears or does not read does not block") {
  const test::TemporaryFolder folder;
  ::setenv("WATCHDOG_USEC", "2", 1);
  Supervisor supervisor((folder / "notify").string());
  ServiceNotifier notifier;
  for (int i = 0; i < 10000; ++i)
    notifier.alive();  // more than the socket buffer holds: must not block
  CHECK(supervisor.next_message() == "WATCHDOG=1\n");
}

TEST_CASE("quantring node reports ready, feeds the watchdog, and reports stopping") {
  const test::TemporaryFolder folder;
  const std::string model = (folder / "tiny.safetensors").string();
  test::write_tiny_model(model);
  Supervisor supervisor((folder / "notify").string());
  ::setenv("WATCHDOG_USEC", "400000", 1);
  test::Process node({test::program, "node", "--model", model, "--listen", "127.0.0.1:0", "--quiet",
                      "--device", "cpu", "--threads", "1"});
  std::string ready = supervisor.next_message(30);
  while (ready.starts_with("STATUS=")) ready = supervisor.next_message(30);
  CHECK(ready.substr(0, 8) == "READY=1\n");
  CHECK(test::contains(ready, "STATUS=listening on port "));
  CHECK(supervisor.wait_for("WATCHDOG=1\n"));
  CHECK(supervisor.wait_for("WATCHDOG=1\n"));  // again, without a head
  // A process that hangs stops feeding it.
  REQUIRE(::kill(node.pid(), SIGSTOP) == 0);
  int still_fed = 0;
  while (supervisor.next_message(3) != "" && ++still_fed < 5) {
  }
  CHECK(still_fed < 5);
  REQUIRE(::kill(node.pid(), SIGCONT) == 0);
  CHECK(supervisor.wait_for("WATCHDOG=1\n"));
  REQUIRE(::kill(node.pid(), SIGTERM) == 0);
  CHECK(supervisor.wait_for("STOPPING=1\nSTATUS=stopping\n"));
  CHECK(node.wait(30) == 0);
}
