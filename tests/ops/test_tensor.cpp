#include "ops/base/error.h"
#include "support.h"

using namespace quantring;

TEST_CASE("a shape knows its rank, its elements and its text") {
  const Shape shape{2, 197, 192};
  CHECK(shape.rank() == 3);
  CHECK(shape[1] == 197);
  CHECK(shape.elements() == 2 * 197 * 192);
  CHECK(shape.text() == "[2, 197, 192]");
  CHECK(Shape{}.elements() == 1);
  CHECK(Shape{}.text() == "[]");
  CHECK(Shape{3, 0}.elements() == 0);
  CHECK(shape == Shape{2, 197, 192});
  CHECK_FALSE(shape == Shape{2, 197});
}

TEST_CASE("impossible shapes are refused") {
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5}), std::invalid_argument);
  CHECK_THROWS_AS((Shape{2, -1}), std::invalid_argument);
  const Shape huge{std::int64_t{1} << 40, std::int64_t{1} << 40};
  CHECK_THROWS_AS(huge.elements(), Error);
}

TEST_CASE("element types have sizes and names") {
  CHECK(dtype_bytes(DType::f32) == 4);
  CHECK(dtype_bytes(DType::f16) == 2);
  CHECK(dtype_bytes(DType::u8) == 1);
  CHECK(std::string(dtype_name(DType::f16)) == "f16");
  CHECK(ConstTensor{nullptr, DType::f16, {3, 5}}.bytes() == 30);
}
