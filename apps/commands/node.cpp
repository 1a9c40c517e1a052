// `quantring node`: one stage of a ring, for as many sessions as heads come.

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/commands/compute_options.h"
#include "apps/session/probe_worker.h"
#include "apps/commands/service_notify.h"
#include "apps/session/stage_worker.h"
#include "engine/model/model_file.h"
#include "net/ring/ring_node.h"

namespace quantring::apps {
namespace {

struct NodeCommand {
  std::string model, listen = "0.0.0.0:7710";
  ComputeOptions compute;
  int threads = 0;
  bool quiet = false;
};

std::string identity_text(const ModelFile& model) {
  const std::string hash = model.hash().substr(0, 16);
  return model.whole() ? hash : fmt::format("{}, {}", hash, range_text(model.part()));
}

void run_node(const NodeCommand& command) {
  ServiceNotifier notifier;
  // Before any thread is started, so that every thread leaves these signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  // A file that no session could use is said now, not when the first head comes.
  const std::string identity = identity_text(ModelFile(command.model));
  const int threads = command.threads > 0
                          ? command.threads
                          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const ContextOptions compute = choose_compute(command.compute, threads);

  net::NodeOptions options;
  options.listen = command.listen;
  options.codecs = decodable_codecs();
  // Also from the compute thread: fputs writes a line as a whole.
  const auto log = [&](const std::string& line) {
    if (!command.quiet) std::fputs((line + "\n").c_str(), stderr);
  };
  const auto factory = [&](const std::string& work, int stage,
                           int) -> std::unique_ptr<net::StageWorker> {
    if (is_probe_order(work)) return std::make_unique<ProbeWorker>(command.model, compute);
    const auto log_link = [log, stage](const std::string& line) {
      log(fmt::format("link {} -> {}: {}", stage, stage + 1, line));
    };
    return std::make_unique<StageWorker>(command.model, work_order_from_json(work), compute,
                                         log_link);
  };
  options.alive = [&] { notifier.alive(); };
  const auto log_event = [&](const std::string& line) {
    notifier.status(line);
    log(line);
  };
  net::RingNode node(options, factory, log_event);
  log("computing on " + compute_text(compute));
  // On stdout, and the only thing there: who starts nodes with port 0 reads the real port here.
  fmt::print("listening on port {}, model {} ({})\n", node.port(), command.model, identity);
  std::fflush(stdout);
  notifier.ready(fmt::format("listening on port {}", node.port()));

  std::thread stopper([&] {
    int signal = 0;
    sigwait(&signals, &signal);
    notifier.stopping();
    node.stop();
  });
  try {
    node.run();
  } catch (...) {
    ::pthread_kill(stopper.native_handle(), SIGTERM);
    stopper.join();
    throw;
  }
  stopper.join();
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
      ->capture_default_str();
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
  sub->callback([command] { run_node(*command); });
}

}  // namespace quantring::apps
