#pragma once
// --model and --model-shape: the model of the commands that run all of it without a ring.

#include <optional>
#include <string>

#include "engine/model/model_file.h"
#include "engine/model/random_model_file.h"

namespace CLI {
class App;
}

namespace quantring::apps {

struct ModelOptions {
  std::string file, shape;  // one of them
};

void add_model_options(CLI::App& command, ModelOptions& options);

// The file of --model, or one with random weights that lives as long as this object.
class ChosenModel {
 public:
  // Throws OptionError when neither is given, or the shape is unknown.
  explicit ChosenModel(const ModelOptions& options);
  const std::string& path() const { return path_; }

 private:
  std::optional<RandomModelFile> random_;
  std::string path_;
};

// Throws Error when the file holds only some of the blocks. command: for the text, "bench".
void require_whole_model(const ModelFile& model, const char* command);

}  // namespace quantring::apps
