#pragma once
// What the tests of the programs share: a tiny model, pictures for it, the path of `quantring`, and
// looks at what it wrote.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/model/random_model.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"

namespace quantring::test {

inline const std::string program = quantring::test::built_path("quantring");

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// 6 blocks, dim 32, on 8x8 grey pictures: small enough for ten thousand pictures in seconds.
inline Architecture tiny_architecture() {
  Architecture a;
  a.image_height = a.image_width = 8;
  a.patch_height = a.patch_width = 4;
  a.channels = 1;
  a.dim = 32;
  a.depth = 6;
  a.heads = 2;
  a.mlp_dim = 64;
  a.classes = 10;
  return a;
}

inline void write_tiny_model(const std::filesystem::path& path, std::uint32_t seed = 7) {
  write_random_model(path, tiny_architecture(), StorageType::f32, seed);
}

// An IDX pair NAME-images-idx3-ubyte, NAME-labels-idx1-ubyte of 8x8 pictures that all differ.
inline std::string write_idx(const TemporaryFolder& folder, std::uint32_t count) {
  const auto big_endian = [](std::ofstream& file, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(value >> shift & 0xff));
  };
  const auto path = folder / "some-images-idx3-ubyte";
  std::ofstream images(path, std::ios::binary),
      labels(folder / "some-labels-idx1-ubyte", std::ios::binary);
  big_endian(images, 0x00000803);
  for (const std::uint32_t size : {count, 8u, 8u}) big_endian(images, size);
  big_endian(labels, 0x00000801);
  big_endian(labels, count);
  std::uint32_t state = 12345;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (int pixel = 0; pixel < 64; ++pixel) {
      images.put(static_cast<char>((state = state * 1664525u + 1013904223u) >> 24));
    }
    labels.put(static_cast<char>(i % 10));
  }
  return path.string();
}

}  // namespace quantring::test
