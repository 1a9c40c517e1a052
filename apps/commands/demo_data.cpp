#include "apps/commands/demo_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "ops/base/error.h"

namespace quantring::apps {
namespace {

namespace fs = std::filesystem;

const std::string model_name = "fashion_mnist_vit.safetensors";
const std::string images_name = "t10k-images-idx3-ubyte";

// The folder of the running program; empty if unknown.
fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

// share/quantring beside the program's bin/, and of the usual prefixes.
std::vector<fs::path> data_folders() {
  std::vector<fs::path> folders;
  const fs::path here = program_folder();
  if (!here.empty()) folders.push_back(here.parent_path() / "share/quantring");
  for (const char* prefix : {"/usr/local", "/usr"}) {
    const fs::path folder = fs::path(prefix) / "share/quantring";
    if (folders.empty() || folders.front() != folder) folders.push_back(folder);
  }
  return folders;
}

// The first that is there; empty if none is.
std::string first_file(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path.string();
  }
  return {};
}

std::string text(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(folder.string());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string demo_model() {
  std::vector<fs::path> paths;
  // Not installed, the program is in build/NAME/ or build/package/ARCH/ of the sources.
  const fs::path build = program_folder().parent_path().parent_path();
  for (const fs::path& sources : {build, build.parent_path(), fs::path()}) {
    paths.push_back(sources / "models" / model_name);
  }
  for (const fs::path& folder : data_folders()) paths.push_back(folder / model_name);
  const std::string found = first_file(paths);
  if (!found.empty()) return found;
  throw Error(fmt::format(
      "the demo's model {} is not installed: copy it from models/ of QuantRing's sources to {}, or "
      "name it with --model FILE",
      model_name, data_folders().front().string()));
}

std::string demo_images() {
  std::vector<fs::path> folders = data_folders();
  folders.insert(folders.begin() + 1, "/usr/share/datasets/fashion-mnist");  // Debian's package
  std::vector<fs::path> paths;
  for (const fs::path& folder : folders) {
    paths.push_back(folder / (images_name + ".gz"));
    paths.push_back(folder / images_name);
  }
  const std::string found = first_file(paths);
  if (!found.empty()) return found;
  throw Error(
      fmt::format("the demo's pictures are not installed: sudo apt install dataset-fashion-mnist; "
                  "elsewhere, name Fashion-MNIST's {}.gz, its labels beside it, with --images FILE "
                  "(searched {})",
                  images_name, text(folders)));
}

}  // namespace quantring::apps
