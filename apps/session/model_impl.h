#pragma once
// Behind the public Model. Internal.

#include <string>

#include "apps/session/quantring.h"
#include "engine/model/model_file.h"

namespace quantring {

struct Model::Impl {
  explicit Impl(const std::string& path) : file(path) {}
  ModelFile file;
};

}  // namespace quantring
