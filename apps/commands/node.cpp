// `quantring node`: one stage of a ring, for as many sessions as heads come.

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/commands/node_metrics.h"
#include "apps/commands/service_notify.h"
#include "apps/options/compute_options.h"
#include "apps/options/option_check.h"
#include "apps/session/quantring.h"
#include "engine/model/model_file.h"

namespace quantring::apps {
namespace {

struct NodeCommand {
  std::string model, listen = "0.0.0.0:7710", metrics;
  ComputeOptions compute;
  int threads = 0;
  bool quiet = false;
};

std::string identity_text(const ModelFile& model) {
  const std::string hash = model.hash().substr(0, 16);
  return model.whole() ? hash : fmt::format("{}, {}", hash, range_text(model.part()));
}

void run(const NodeCommand& command) {
  ServiceNotifier notifier;
  // Before any thread is started, so that every thread leaves these signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::string identity, hash;
  {
    const ModelFile model(command.model);
    identity = identity_text(model);
    hash = model.hash();
  }
  std::optional<NodeMetrics> metrics;
  if (!command.metrics.empty()) {
    metrics.emplace(command.metrics, command.model, hash);
    if (!command.quiet)
      std::fputs(fmt::format("metrics on port {}\n", metrics->port()).c_str(), stderr);
  }
  NodeOptions options;
  options.model = command.model;
  options.listen = command.listen;
  options.compute = {command.compute.device, command.compute.precision, command.threads};
  options.alive = [&] { notifier.alive(); };
  if (metrics) options.report = [&](const NodeReport& report) { metrics->show(report); };
  // From several threads: fputs writes a line as a whole.
  options.log = [&](const std::string& line) {
    notifier.status(line);
    if (!command.quiet) std::fputs((line + "\n").c_str(), stderr);
  };
  options.ready = [&](std::uint16_t port) {
    // On stdout, and the only thing there: a program that starts nodes with port 0 reads the port
    // here.
    fmt::print("listening on port {}, model {} ({})\n", port, command.model, identity);
    std::fflush(stdout);
    notifier.ready(fmt::format("listening on port {}", port));
  };
  const StopToken token;
  std::thread stopper([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    notifier.stopping();
    token.stop();
  });
  const auto join = [&] {
    ::pthread_kill(stopper.native_handle(), SIGTERM);
    stopper.join();
  };
  try {
    run_node(options, token);
  } catch (...) {
    join();
    throw;
  }
  join();
}

}  // namespace

void add_node(CLI::App& app) {
  auto* sub =
      app.add_subcommand("node", "Run one stage of a ring: waits for a head and does its part");
  auto command = std::make_shared<NodeCommand>();
  sub->add_option(
         "-m,--model", command->model,
         "Model file, the same as the head's, or a part of it that holds this stage's blocks")
      ->required();
  sub->add_option("-l,--listen", command->listen, "Address and port to listen on")
      ->transform(listen_address("0.0.0.0"))
      ->capture_default_str();
  sub->add_option("--metrics", command->metrics,
                  "Serve /metrics (Prometheus) and /healthz over HTTP on this address, such as "
                  "127.0.0.1:9710")
      ->transform(listen_address("127.0.0.1"));
  sub->add_option("-t,--threads", command->threads, "CPU threads (default: all cores)")
      ->check(CLI::Range(1, 256));
  add_compute_options(*sub, command->compute);
  sub->add_flag("-q,--quiet", command->quiet, "Do not log sessions");
  sub->footer(
      "Examples:\n"
      "  quantring node --model model.safetensors\n"
      "  quantring node --model model.safetensors --listen 10.0.0.11:7710 --threads 4\n"
      "  quantring node --model model.safetensors --device cuda:1\n"
      "  quantring node --model part0.safetensors   # quantring-weights shard model.safetensors "
      "--layers 0-4 -o part0.safetensors");
  sub->callback([command] { run(*command); });
}

}  // namespace quantring::apps
