// Nodes as processes: killed during a run, stopped so that they are silent, and restarted.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/net/ring/ring_fixture.h"
#include "tests/support/paths.h"

namespace quantring::net {
namespace {

const std::string node_program = quantring::test::built_path("tests/net_test_node");

class NodeProcess {
 public:
  explicit NodeProcess(const std::string& listen = "127.0.0.1:0", int pause_ms = 0) {
    std::array<int, 2> pipe_ends{};
    REQUIRE(::pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
    const std::string pause = std::to_string(pause_ms);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(pipe_ends[1], STDOUT_FILENO);
      ::execl(node_program.c_str(), node_program.c_str(), listen.c_str(), pause.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(pipe_ends[1]);
    FILE* out = ::fdopen(pipe_ends[0], "r");
    REQUIRE_MESSAGE(std::fscanf(out, "%d", &port_) == 1, "the node printed no port");
    std::fclose(out);
  }
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;
  ~NodeProcess() { kill(SIGKILL); }

  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  void kill(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (signal == SIGKILL) {
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }
  bool alive() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

 private:
  pid_t pid_ = 0;
  int port_ = 0;
};

// Feeds and receives until the ring breaks; `disturb` is called after 200 results. Returns the
// error and the time from the disturbance to the error.
struct Outcome {
  std::string error;
  double seconds = 0;
};

Outcome run_until_broken(RingHead& head, int stages, const std::function<void()>& disturb) {
  std::thread feeder([&head] {
    error_of([&head] {
      for (std::uint64_t i = 0;; ++i) head.submit(numbered_message(i));
    });
  });
  auto disturbed = std::chrono::steady_clock::now();
  std::uint64_t received = 0;
  bool intact = true;
  Outcome outcome;
  outcome.error = error_of([&] {
    while (const auto result = head.next_result()) {
      intact = intact && came_through(*result, received, stages);
      if (++received == 200) {
        disturbed = std::chrono::steady_clock::now();
        disturb();
      }
    }
  });
  outcome.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - disturbed).count();
  feeder.join();
  CHECK(intact);
  CHECK(received >= 200);
  return outcome;
}

struct ThreeProcesses {
  std::array<std::unique_ptr<NodeProcess>, 3> nodes{std::make_unique<NodeProcess>(),
                                                    std::make_unique<NodeProcess>(),
                                                    std::make_unique<NodeProcess>()};
  HeadOptions options() const {
    return head_for({nodes[0]->address(), nodes[1]->address(), nodes[2]->address()});
  }
  // The other nodes may be busy until they notice the loss.
  void check_next_session() {
    CHECK(eventually([&] {
      return error_of([&] {
               RingHead head(options());
               run_session(head, 100, 3);
             }) == "no error";
    }));
  }
};

TEST_CASE(
    "a node that is killed during a run is named at once; when restarted, the ring works again") {
  ThreeProcesses ring;
  for (std::size_t victim = 0; victim < 3; ++victim) {
    CAPTURE(victim);
    const std::string address = ring.nodes[victim]->address();
    {
      RingHead head(ring.options());
      const Outcome outcome = run_until_broken(head, 3, [&] { ring.nodes[victim]->kill(SIGKILL); });
      CHECK(contains(outcome.error,
                     fmt::format("stage {} ({}) was lost: connection", victim, address)));
      CHECK(contains(outcome.error, "restart it and run again"));
      CHECK(outcome.seconds < noticed_within.count());
      MESSAGE("killed: " << outcome.error << " (after " << outcome.seconds << " s)");
    }
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != victim) CHECK(ring.nodes[i]->alive());
    }
    ring.nodes[victim] = std::make_unique<NodeProcess>(address);
    ring.check_next_session();
  }
}

TEST_CASE("a silent node is named within 3 s; when it continues, the ring works again") {
  ThreeProcesses ring;
  for (std::size_t victim = 0; victim < 3; ++victim) {
    CAPTURE(victim);
    {
      RingHead head(ring.options());
      const Outcome outcome = run_until_broken(head, 3, [&] { ring.nodes[victim]->kill(SIGSTOP); });
      CHECK(contains(outcome.error, fmt::format("stage {} ({}) was lost: silent for 2.5 s", victim,
                                                ring.nodes[victim]->address())));
      CHECK(outcome.seconds < noticed_within.count());
      MESSAGE("stopped: " << outcome.error << " (after " << outcome.seconds << " s)");
    }
    ring.nodes[victim]->kill(SIGCONT);
    ring.check_next_session();
  }
}

TEST_CASE("after a head is killed, the nodes serve the next") {
  ThreeProcesses ring;
  const pid_t head_process = ::fork();
  REQUIRE(head_process >= 0);
  if (head_process == 0) {
    const std::string ignored = error_of([&] {
      RingHead head(ring.options());
      for (std::uint64_t i = 0;; ++i) head.submit(numbered_message(i));
    });
    ::_exit(0);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(head_process, SIGKILL);
  ::waitpid(head_process, nullptr, 0);
  ring.check_next_session();
}

TEST_CASE("a node may compute for longer than the limit of silence") {
  NodeProcess node("127.0.0.1:0", 3500);
  RingHead head(head_for({node.address()}));
  run_session(head, 1, 1);
}

}  // namespace
}  // namespace quantring::net
