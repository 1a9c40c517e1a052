// `quantring-weights verify`

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "weights_tools/commands/commands.h"
#include "weights_tools/model/is_model_file.h"
#include "weights_tools/model/verify.h"

namespace quantring::weights {

void add_verify(CLI::App& app) {
  auto* command =
      app.add_subcommand("verify", "Check shapes, dtypes, hashes and finiteness of every tensor");
  auto path = std::make_shared<std::string>();
  command->add_option("model", *path, "Model file, or part of one")->required();
  command->footer(
      "Exit status: 0 if the file is valid, else 1; the error names the first invalid tensor.\n"
      "Examples:\n  quantring-weights verify models/fashion_mnist_vit.safetensors");
  command->callback([path] {
    expect_model_file(*path);
    const ModelFile model(*path);
    const VerifyReport report = verify(model);
    const std::string part = model.whole() ? ""
                                           : fmt::format("{} of {}: ", range_text(model.part()),
                                                         model.architecture().depth);
    fmt::print("{}: {}{} tensors, {} parameters, all valid; hash {}\n", *path, part, report.tensors,
               report.parameters, model.hash());
  });
}

}  // namespace quantring::weights
