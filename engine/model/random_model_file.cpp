#include "engine/model/random_model_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "engine/model/random_model.h"
#include "ops/base/error.h"

namespace quantring {

RandomModelFile::RandomModelFile(const std::string& shape) {
  const Architecture architecture = named_architecture(shape);
  const auto name = std::filesystem::temp_directory_path() /
                    fmt::format("quantring-{}-{}.safetensors", shape, ::getpid());
  write_random_model(name, architecture, StorageType::f32, 1);
  descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  ::unlink(name.c_str());
  if (descriptor_ < 0) throw Error(fmt::format("cannot open '{}'", name.string()));
}

RandomModelFile::~RandomModelFile() {
  ::close(descriptor_);
}

std::string RandomModelFile::path() const {
  return fmt::format("/proc/self/fd/{}", descriptor_);
}

}  // namespace quantring
