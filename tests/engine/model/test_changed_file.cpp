// A model file that another program truncates, overwrites or replaces while it is open.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/evaluation/activation_difference.h"
#include "engine/model/model_file.h"
#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "ops/transfer.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;
using test::error_of;

const char* const message = "the model file changed while it was in use";

class Replaced {
 public:
  Replaced() {
    write_random_model(path(), test::plain_architecture(), StorageType::f32, 1);
    write_random_model(other(), test::plain_architecture(), StorageType::f32, 2);
  }
  std::string path() const { return folder_ / "model.safetensors"; }
  std::string other() const { return folder_ / "other.safetensors"; }
  // As cp and rsync --inplace do, or scp while it has written only a part.
  void overwrite(double part = 1) const {
    const std::string bytes = test::read_file(other());
    test::write_file(
        path(),
        bytes.substr(0, static_cast<std::size_t>(part * static_cast<double>(bytes.size()))));
  }
  void rename() const { std::filesystem::rename(other(), path()); }

 private:
  TempFolder folder_;
};

std::vector<float> logits_of(Context& context, Stage& stage, const Architecture& a) {
  std::vector<std::uint8_t> pixels(
      static_cast<std::size_t>(a.channels * a.image_height * a.image_width), 77);
  Buffer memory(context, pixels.size());
  upload(context, std::as_bytes(std::span(pixels)), memory.data());
  return apps::host_values(
      context, stage.forward_pixels(
                   {memory.data(), DType::u8, {1, a.channels, a.image_height, a.image_width}}));
}

TEST_CASE("a stage that is loaded computes with its own weights, whatever becomes of the file") {
  for (const double part : {0.0, 0.5, 1.0}) {
    const Replaced file;
    const ModelFile model(file.path());
    const Architecture& a = model.architecture();
    Context context;
    Stage stage(context, model, {0, a.half_blocks()}, 1);
    const std::vector<float> before = logits_of(context, stage, a);
    CHECK_FALSE(model.changed());
    file.overwrite(part);
    CHECK(model.changed());
    CHECK(logits_of(context, stage, a) == before);
  }
}

TEST_CASE("a stage that is loaded after the change is an error, or of the old file as a whole") {
  for (const double part : {0.0, 0.3, 0.9, 1.0}) {
    const Replaced file;
    const ModelFile model(file.path());
    file.overwrite(part);
    Context context;
    CHECK(contains(error_of([&] {
                     Stage(context, model, {0, model.architecture().half_blocks()}, 1);
                   }),
                   message));
  }
  // A file of the same name does not matter to one that is open.
  const Replaced file;
  const ModelFile model(file.path());
  const Architecture& a = model.architecture();
  Context context;
  Stage before(context, model, {0, a.half_blocks()}, 1);
  file.rename();
  CHECK(model.changed());
  Stage after(context, model, {0, a.half_blocks()}, 1);
  CHECK(logits_of(context, after, a) == logits_of(context, before, a));
}

}  // namespace
}  // namespace quantring
