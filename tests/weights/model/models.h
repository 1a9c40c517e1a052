#pragma once
// What the tests of the tools share: a small model file, and the text of an error.

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "engine/model/model_writer.h"
#include "ops/base/error.h"
#include "tests/support/golden.h"

namespace quantring::test {

// 6 blocks, dim 16, two heads, 10 classes, on 8x8 grey pictures.
inline Architecture small_architecture() {
  Architecture a;
  a.image_height = a.image_width = 8;
  a.patch_height = a.patch_width = 4;
  a.channels = 1;
  a.dim = 16;
  a.depth = 6;
  a.heads = 2;
  a.mlp_dim = 32;
  a.classes = 10;
  return a;
}

inline PreprocessConfig small_preprocess() {
  PreprocessConfig preprocess;
  preprocess.mode = ResizeMode::none;
  preprocess.channels = 1;
  preprocess.crop_height = preprocess.crop_width = 8;
  preprocess.mean = preprocess.std = {0.5f};
  return preprocess;
}

inline std::vector<std::string> ten_labels() {
  return {"ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"};
}

// Values that all differ; `first` is the first. Its hash.
inline std::string write_small_model(const std::filesystem::path& path,
                                     const std::vector<std::string>& labels = {},
                                     StorageType storage = StorageType::f32, float first = 0.01f) {
  ModelWriter writer(path, small_architecture(), small_preprocess(), labels, storage);
  float value = first;
  for (const TensorSpec& spec : writer.tensors()) {
    std::size_t count = 1;
    for (const auto size : spec.shape) count *= static_cast<std::size_t>(size);
    std::vector<float> values(count);
    for (float& v : values) v = (value += 0.0137f);
    writer.write(values, spec.name);
  }
  return writer.commit();
}

inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::size_t files_in(const TemporaryFolder& folder) {
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++files;
  }
  return files;
}

}  // namespace quantring::test
