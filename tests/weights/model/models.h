#pragma once
// A small model file for the tests of the tools.

#include <filesystem>
#include <string>

#include "engine/model/model_writer.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/texts.h"

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

// With distinct values from `first` on. Returns the hash.
inline std::string write_small_model(const std::filesystem::path& path,
                                     const std::vector<std::string>& labels = {},
                                     StorageType storage = StorageType::f32, float first = 0.01f,
                                     bool independent = false) {
  ModelWriter writer(path, small_architecture(), small_preprocess(), labels, storage, independent);
  float value = first;
  for (const TensorSpec& spec : writer.tensors()) {
    std::vector<float> values(spec.elements());
    for (float& v : values) v = (value += 0.0137f);
    writer.write(values, spec.name);
  }
  return writer.commit();
}

}  // namespace quantring::test
