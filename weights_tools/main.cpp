// quantring-weights: makes model files out of checkpoints, and looks into them.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "ops/error.h"
#include "weights_tools/convert.h"
#include "weights_tools/inspect.h"
#include "weights_tools/verify.h"

namespace {

using namespace quantring;
using namespace quantring::weights;

void add_convert(CLI::App& app) {
  auto* command = app.add_subcommand("convert", "Make a model file out of a checkpoint");
  auto options = std::make_shared<ConvertOptions>();
  auto dtype = std::make_shared<std::string>("f32");
  auto& hints = options->hints;
  command->add_option("checkpoint", options->input, "timm-named .safetensors file")->required();
  command->add_option("-o,--output", options->output, "Model file to write")->required();
  command->add_option("--dtype", *dtype, "Storage: f32 or f16")
      ->check(CLI::IsMember({"f32", "f16"}));
  command->add_option("--labels", options->labels, "Text file with the class names, one a line");
  command->add_option("--config", options->config,
                      "config.json (default: the one beside the checkpoint)");
  command->add_option("--heads", hints.heads, "Attention heads");
  command->add_option("--image-size", hints.image_size, "Side of the square input image, pixels");
  command->add_option("--activation", hints.activation, "gelu (exact) or gelu_tanh");
  command->add_option("--resize", hints.resize,
                      "Shorter side in pixels before the centre crop, or squash, or none");
  command->add_option("--interpolation", hints.interpolation, "bicubic or bilinear");
  command
      ->add_option("--mean", hints.mean,
                   "Mean of the pixels in 0..1, one a channel: 0.485,0.456,0.406")
      ->delimiter(',');
  command->add_option("--std", hints.std, "Standard deviation of the pixels")->delimiter(',');
  command->footer(
      "Examples:\n"
      "  quantring-weights convert deit_tiny_patch16_224.safetensors -o deit_tiny.safetensors "
      "--heads 3 \\\n"
      "      --resize 256 --interpolation bicubic --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 "
      "\\\n"
      "      --labels imagenet_classes.txt\n"
      "  quantring-weights convert vit.safetensors -o vit_f16.safetensors --dtype f16   # "
      "config.json beside it");
  command->callback([=] {
    options->storage = *dtype == "f16" ? StorageType::f16 : StorageType::f32;
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    const auto report = convert(*options, [=](std::size_t done, std::size_t all) {
      if (terminal)
        fmt::print(stderr, "\r{:3}%{}", 100 * done / all, done == all ? "\r    \r" : "");
    });
    for (const Finding& finding : report.findings) {
      fmt::print("{}: {}   ({})\n", finding.what, finding.value, finding.source);
    }
    fmt::print("wrote {} ({:.2f} MB of tensors, hash {})\n", options->output.string(),
               static_cast<double>(report.bytes) / 1e6, report.hash.substr(0, 16));
  });
}

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Say what is in a model file");
  auto path = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  command->add_option("model", *path, "Model file")->required();
  command->add_flag("--json", *as_json, "One JSON object");
  command->footer("Examples:\n  quantring-weights inspect models/fashion_mnist_vit.safetensors");
  command->callback([=] {
    const ModelFile model(*path);
    fmt::print("{}", *as_json ? inspect_json(model) + "\n" : inspect_text(model));
  });
}

void add_verify(CLI::App& app) {
  auto* command =
      app.add_subcommand("verify", "Check shapes, dtypes, hashes and finiteness of every tensor");
  auto path = std::make_shared<std::string>();
  command->add_option("model", *path, "Model file")->required();
  command->footer("Examples:\n  quantring-weights verify models/fashion_mnist_vit.safetensors");
  command->callback([=] {
    const ModelFile model(*path);
    const VerifyReport report = verify(model);
    fmt::print("{}: {} tensors, {} parameters, all sound; hash {}\n", *path, report.tensors,
               report.parameters, model.hash());
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes QuantRing model files out of checkpoints, and looks into them.",
               "quantring-weights");
  app.set_version_flag("--version", QUANTRING_VERSION);
  app.require_subcommand(1);
  add_convert(app);
  add_inspect(app);
  add_verify(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      const std::string text = fmt::format(
          "error: no command is called '{}'; quantring-weights --help lists them\n", argv[1]);
      std::fputs(text.c_str(), stderr);
      return 2;
    }
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    // Not fmt::print: it throws when stderr is closed.
    std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("error: the output could not be written\n", stderr);
    return 1;
  }
  return 0;
}
