#include "ops/cuda/device/dynamic_library.h"

#include <dlfcn.h>
#include <unistd.h>

namespace quantring::cuda {
namespace {

std::string last_error() {
  const char* text = dlerror();
  return text == nullptr ? "no reason given" : text;
}

std::string file_part(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// "libcublasLt.so.13 (or libcublasLt.so.12)"
std::string all_names(const std::vector<std::string>& names) {
  std::string text = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) {
    text += (i == 1 ? " (or " : ", ") + names[i];
  }
  return names.size() > 1 ? text + ")" : text;
}

}  // namespace

void* open_library(const LibraryFiles& files, std::string& reason) {
  // A file that exists but cannot be loaded is reported rather than missing ones.
  std::string broken;
  for (const std::string& name : files.names) {
    if (void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    // glibc's message if no such file was found; then the first name in it is the library itself,
    // not one of its dependencies.
    const std::string error = last_error();
    const bool missing = error.starts_with(name + ": cannot open shared object file: No such file");
    if (!missing && broken.empty()) broken = name + " cannot be loaded (" + error + ")";
    if (name.find('/') != std::string::npos) continue;
    // CUDA's installers do not add its folder to the loader's path.
    const std::string usual = "/usr/local/cuda/lib64/" + name;
    if (access(usual.c_str(), R_OK) != 0) continue;
    if (void* library = dlopen(usual.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    if (broken.empty()) broken = usual + " cannot be loaded (" + last_error() + ")";
  }
  if (!broken.empty()) {
    reason = broken + ": " + files.remedy;
    return nullptr;
  }
  std::vector<std::string> names;
  for (const std::string& name : files.names) names.push_back(file_part(name));
  reason =
      all_names(names) + " not found: " + files.remedy + ", or set LD_LIBRARY_PATH to its folder";
  return nullptr;
}

namespace detail {

void* find_symbol(void* library, const char* name, std::string& reason) {
  void* symbol = dlsym(library, name);
  if (symbol == nullptr) reason = "it has no function " + std::string(name);
  return symbol;
}

}  // namespace detail
}  // namespace quantring::cuda
