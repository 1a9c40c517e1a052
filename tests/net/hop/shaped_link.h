#pragma once
// Two network namespaces joined by a link shaped by tc. Needs root.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace quantring::net {

class ShapedLink {
 public:
  ShapedLink() : a_(fmt::format("qm{}a", ::getpid())), b_(fmt::format("qm{}b", ::getpid())) {
    works_ = run_command("ip netns add {a}") && run_command("ip netns add {b}") &&
             run_command("ip -n {a} link add qm0 type veth peer name qm0 netns {b}") &&
             run_command("ip -n {a} addr add 10.77.0.1/24 dev qm0") &&
             run_command("ip -n {b} addr add 10.77.0.2/24 dev qm0") &&
             run_command("ip -n {a} link set qm0 up") && run_command("ip -n {b} link set qm0 up") &&
             run_command("ip -n {a} link set lo up") && run_command("ip -n {b} link set lo up") &&
             shape("tbf", 100);
  }
  ~ShapedLink() {
    run_command("ip netns del {a}");
    run_command("ip netns del {b}");
  }
  ShapedLink(const ShapedLink&) = delete;
  ShapedLink& operator=(const ShapedLink&) = delete;

  bool works() const { return works_; }
  // Bits per second on the wire, headers included; burst: bytes, 0: a default for the rate.
  bool shape(const std::string& kind, double mbit, int burst = 0) {
    if (burst == 0) burst = std::max(15000, static_cast<int>(mbit * 1e6 / 8 / 1000));
    if (kind != kind_) run_command("tc -n {a} qdisc del dev qm0 root");
    const char* verb = kind != kind_ ? "add" : "change";
    kind_ = kind;
    if (kind == "tbf") {
      return run_command(
          fmt::format("tc -n {{a}} qdisc {} dev qm0 root tbf rate {}kbit burst {} latency 50ms",
                      verb, static_cast<int>(mbit * 1000), burst));
    }
    if (verb[0] == 'a' && !run_command("tc -n {a} qdisc add dev qm0 root handle 1: htb default 10"))
      return false;
    return run_command(fmt::format(
        "tc -n {{a}} class {} dev qm0 parent 1: classid 1:10 htb rate {}kbit burst {} cburst {}",
        verb, static_cast<int>(mbit * 1000), burst, burst));
  }
  // Of the sender's end.
  bool congestion_control(const std::string& name) {
    return run_command(
        fmt::format("ip netns exec {{a}} sysctl -qw net.ipv4.tcp_congestion_control={}", name));
  }
  // Sockets that `action` opens are at the sender's end, or at the receiver's.
  void in_a(const std::function<void()>& action) const { inside(a_, action); }
  void in_b(const std::function<void()>& action) const { inside(b_, action); }

 private:
  bool run_command(std::string command) const {
    for (const auto& [name, text] : {std::pair{"{a}", a_}, {"{b}", b_}}) {
      for (auto at = command.find(name); at != std::string::npos; at = command.find(name)) {
        command.replace(at, 3, text);
      }
    }
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  // A thread's sockets belong to the namespace that the thread is in.
  static void inside(const std::string& name, const std::function<void()>& action) {
    std::thread([&] {
      const int space = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
      if (::setns(space, CLONE_NEWNET) == 0) action();
      ::close(space);
    }).join();
  }

  std::string a_, b_, kind_;
  bool works_ = false;
};

}  // namespace quantring::net
