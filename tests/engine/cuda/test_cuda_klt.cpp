// Codec klt on a GPU: the bytes and the values of the CPU, for every width, grid and kind of value,
// and bodies that are damaged.

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/coder.h"
#include "ops/base/error.h"
#include "ops/transfer.h"
#include "tests/engine/codec/coded_bytes.h"
#include "tests/engine/cuda/coding_cases.h"
#include "tests/ops/cuda/gpu.h"
#include "tests/support/klt_tables.h"

namespace quantring {
namespace {

using test::Bytes;
using test::klt;
using test::tensor_of;

// A GPU and the CPU with the same tables.
class Pair {
 public:
  Pair(Precision precision, const KltTables& tables, std::size_t images)
      : gpu_(test::on_gpu(precision)),
        shape_(tensor_of(tables.shape, images)),
        there_(gpu_, shape_, {&tables, &tables}),
        here_(cpu_, shape_, {&tables, &tables}),
        source_(gpu_, shape_.elements() * dtype_bytes(dtype())),
        back_(gpu_, shape_.elements() * dtype_bytes(dtype())) {}

  DType dtype() const { return gpu_.residual_dtype(); }

  // The GPU's bytes, after comparing them and what both decode them to.
  Bytes check(std::vector<float> values, int width) {
    const TensorShape shape{static_cast<std::uint32_t>(values.size() / shape_.elements_per_image()),
                            shape_.tokens, shape_.dim};
    const Bytes stored = test::stored(values, dtype());
    values = test::widened(stored, dtype());
    Bytes expected, made;
    here_.encode(host_tensor(std::span<const float>(values), shape), klt(width), expected);
    upload(gpu_, stored, source_.data());
    there_.encode({source_.data(), dtype(), dims(shape)}, klt(width), made);
    CHECK(made.size() == expected.size());
    CHECK((made == expected));
    check_decoded(expected, shape);
    return expected;
  }

  // coded: passed by check_coded().
  void check_decoded(const Bytes& coded, TensorShape shape) {
    std::vector<float> slow(shape.elements());
    here_.decode(coded, host_tensor(std::span(slow), shape));
    const Bytes expected = test::stored(slow, dtype());
    Bytes made(expected.size());
    upload(gpu_, Bytes(expected.size(), std::byte{0x7f}), back_.data());
    there_.decode(coded, {back_.data(), dtype(), dims(shape)});
    download(gpu_, back_.data(), made);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < made.size(); ++i) wrong += made[i] != expected[i] ? 1 : 0;
    CHECK(wrong == 0);
  }

 private:
  static Shape dims(TensorShape shape) { return {shape.images, shape.tokens, shape.dim}; }

  Context gpu_, cpu_;
  TensorShape shape_;
  Coder there_, here_;
  Buffer source_, back_;
};

const KltShape shapes[] = {{1, 14, 14, 192}, {2, 7, 5, 40},    {5, 6, 9, 77},  {0, 3, 3, 33},
                           {1, 1, 1, 1},     {1, 16, 12, 130}, {1, 33, 3, 64}, {3, 40, 40, 9}};

TEST_CASE("klt on a GPU gives the CPU's bytes and values") {
  if (!test::have_gpu()) return;
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    for (const KltShape& shape : shapes) {
      const KltTables tables = test::klt_tables(shape);
      Pair pair(precision, tables, 8);
      for (const std::size_t images : {8U, 1U, 3U}) {
        const auto values = test::klt_values(tables, images, static_cast<unsigned>(images));
        for (const int width : klt_widths) {
          CAPTURE(shape.dim);
          CAPTURE(images);
          CAPTURE(width);
          CAPTURE(dtype_name(pair.dtype()));
          pair.check(values, width);
        }
      }
    }
  }
}

TEST_CASE("the residual stream of ViT-Base") {
  if (!test::have_gpu()) return;
  const KltTables tables = test::klt_tables({1, 14, 14, 768});
  Pair pair(Precision::f16, tables, 3);
  for (const int width : klt_widths) {
    CAPTURE(width);
    pair.check(test::klt_values(tables, 3), width);
  }
}

TEST_CASE("any number of lanes and streams, many escaped magnitudes") {
  if (!test::have_gpu()) return;
  for (const int lanes : {1, 3, 16, 32, 96, 256}) {
    for (const float step : {0.4F, 0.05F, 0.004F}) {  // the last one: most are escaped, or too long
      KltTables tables = test::klt_tables({1, 10, 10, 96});
      for (KltRate& rate : tables.rates) {
        rate.lanes = lanes;
        rate.step = step;
        rate.prefix_step = step / 8;
      }
      tables.prepare();
      CAPTURE(lanes);
      CAPTURE(step);
      Pair pair(Precision::f32, tables, 2);
      pair.check(test::klt_values(tables, 2), 4);
      auto values = test::klt_values(tables, 2);
      for (std::size_t i = 0; i < values.size(); i += 3) values[i] *= 50;
      pair.check(values, 8);
    }
  }
}

TEST_CASE("values that klt cannot code") {
  if (!test::have_gpu()) return;
  const KltTables tables = test::klt_tables({1, 5, 4, 31});
  Pair pair(Precision::f32, tables, 4);
  const std::size_t each = tables.shape.tokens() * tables.shape.dim;
  for (const float bad : {std::nanf(""), INFINITY, -INFINITY, 3e38F, -3e38F, 1e30F, 1e-40F}) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{40}, each - 1}) {
      CAPTURE(bad);
      CAPTURE(at);
      auto values = test::klt_values(tables, 4);
      values[at] = bad;  // plain parts have an odd length here: what follows is not aligned
      values[2 * each + at] = bad;
      const Bytes coded = pair.check(values, 3);
      std::uint32_t length = 0;
      std::memcpy(&length, coded.data() + 4, 4);
      CHECK((length >> 31 == 1) == !(std::fabs(bad) < 1e29F));
    }
  }
  for (const char* kind : test::value_kinds) {
    CAPTURE(kind);
    for (const int width : klt_widths) pair.check(test::values_of_kind(kind, 4 * each), width);
  }
  for (const float scale : {0.0F, 1e-30F, 100.0F, 1e5F, 1e20F, 1e37F}) {
    CAPTURE(scale);
    auto values = test::klt_values(tables, 4);
    for (float& value : values) value *= scale;
    pair.check(values, 6);
  }
}

TEST_CASE("a rate that codes nothing") {
  if (!test::have_gpu()) return;
  KltTables tables = test::klt_tables({1, 4, 3, 20});
  for (KltRate& rate : tables.rates) {
    rate.components = 0;
    rate.classes.clear();
    rate.synthesis.clear();
    rate.prefix_classes.assign(rate.prefix_classes.size(), klt_never_coded);
  }
  tables.prepare();
  Pair pair(Precision::f32, tables, 2);
  auto values = test::klt_values(tables, 2);
  pair.check(values, 4);
  values[7] = std::nanf("");
  pair.check(values, 4);
}

TEST_CASE("damaged streams decode to the CPU's values") {
  if (!test::have_gpu()) return;
  for (const int lanes : {4, 96}) {
    KltTables tables = test::klt_tables({1, 6, 6, 40});
    for (KltRate& rate : tables.rates) rate.lanes = lanes;
    tables.prepare();
    Pair pair(Precision::f32, tables, 3);
    auto values = test::klt_values(tables, 3);
    values[40 * 37 + 5] = INFINITY;  // the second image is plain
    const Bytes sound = pair.check(values, 12);
    const TensorShape shape = tensor_of(tables.shape, 3);
    std::mt19937 random(3);
    for (int run = 0; run < 60; ++run) {
      Bytes coded = sound;
      for (int i = 0; i < 1 + run % 20; ++i)
        coded[16 + random() % (coded.size() - 16)] =
            run % 4 == 0 ? std::byte{0xff} : static_cast<std::byte>(random());
      // Also parts of other lengths, of the first and the last image.
      std::uint32_t length = 0;
      std::memcpy(&length, coded.data() + 12, 4);
      const std::uint32_t cut = run % 3 == 0 ? static_cast<std::uint32_t>(random()) % length : 0;
      length -= cut;
      std::memcpy(coded.data() + 12, &length, 4);
      coded.resize(coded.size() - cut);
      try {
        check_coded(coded, shape);
      } catch (const Error&) {
        continue;  // the plain part
      }
      CAPTURE(run);
      pair.check_decoded(coded, shape);
    }
  }
}

TEST_CASE("without tables a GPU codes no klt, and says so") {
  if (!test::have_gpu()) return;
  const KltTables tables = test::klt_tables({1, 4, 4, 8});
  Context context(test::on_gpu(Precision::f32));
  const TensorShape shape = tensor_of(tables.shape, 1);
  Coder coder(context, shape);
  const Buffer values(context, shape.elements() * 4);
  Bytes coded;
  CHECK_THROWS_AS(
      coder.encode({values.data(), DType::f32, {1, shape.tokens, shape.dim}}, klt(4), coded),
      Error);
}

}  // namespace
}  // namespace quantring
