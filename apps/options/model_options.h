#pragma once
// --model and --model-shape: the model of the commands that run all of it without a ring.

#include <optional>
#include <string>

#include "apps/report/output.h"
#include "engine/labels/true_classes.h"
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

// Of --labels.
inline constexpr const char* label_help =
    "True classes: a table (CSV) with a column file and class_index or class_name, an IDX label "
    "file, or the word folders: pictures in folders named as their class (default: folders, where "
    "their names fit the model's)";

// For the true classes of pictures: the model's classes, and notes to stderr.
LabelCheck label_check(const ModelFile& model);

// --multi-label and --threshold.
struct ClassOptions {
  bool multi_label = false;
  std::optional<float> threshold;
};

void add_class_options(CLI::App& command, ClassOptions& options);

// Throws OptionError for a threshold where one class applies to a picture.
ClassRule class_rule(const ModelFile& model, const ClassOptions& options);

// Throws Error when the file holds only some of the blocks. command: for the text, "bench".
void require_whole_model(const ModelFile& model, const char* command);

}  // namespace quantring::apps
