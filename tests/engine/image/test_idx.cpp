// The IDX reader: plain and gzip, and wrong headers.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/idx.h"
#include "ops/base/error.h"
#include "tests/support/byte_files.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using quantring::test::contains;

std::string error_of(const Bytes& bytes) {
  try {
    parse_idx(bytes, "digits-idx3-ubyte");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("digits-idx3-ubyte: "));
    return error.what();
  }
  return "no error";
}

std::vector<std::uint8_t> as_values(const Bytes& bytes) {
  std::vector<std::uint8_t> values;
  for (const std::byte byte : bytes) values.push_back(static_cast<std::uint8_t>(byte));
  return values;
}

TEST_CASE("labels, images and coloured images are read, plain and gzip") {
  const std::vector<std::vector<std::uint32_t>> shapes{{7}, {3, 4, 5}, {2, 4, 5, 3}, {200, 40, 30}};
  for (const auto& shape : shapes) {
    std::size_t count = 1;
    for (const std::uint32_t size : shape) count *= size;
    const Bytes values = counting(count);
    REQUIRE(values.front() != values.back());
    const Bytes plain = idx_file(shape, values);
    for (const Bytes& file : {plain, gzipped(plain)}) {
      const IdxArray array = parse_idx(file, "it");
      CHECK(array.shape == shape);
      CHECK(array.values == as_values(values));
    }
  }
}

TEST_CASE("other types and dimensions are refused") {
  Bytes floats = idx_file({2}, counting(8));
  floats[2] = std::byte{0x0D};
  CHECK(contains(error_of(floats), "00 00 0d 01"));
  CHECK(contains(error_of(idx_file({}, {})), "not an IDX file"));
  CHECK(contains(error_of(idx_file({1, 1, 1, 1, 1}, counting(1))), "1 to 4 dimensions"));
  CHECK(contains(error_of({}), "not an IDX file"));
  CHECK(contains(error_of(counting(100)), "not an IDX file"));
}

TEST_CASE("a header that declares too much or nothing is refused") {
  const std::uint32_t huge = 0xFFFFFFFF;
  for (const bool zipped : {false, true}) {
    const auto wrapped = [&](const Bytes& file) { return zipped ? gzipped(file) : file; };
    CHECK(contains(error_of(wrapped(idx_file({huge, huge, huge, huge}, counting(9)))),
                   "promises more than"));
    CHECK(contains(error_of(wrapped(idx_file({huge}, counting(9)))), "promises more than"));
    CHECK(contains(error_of(wrapped(idx_file({1U << 31}, counting(9)))),
                   "9 values of the 2147483648"));
    CHECK(contains(error_of(wrapped(idx_file({4, 0, 4}, {}))), "size 0"));
    CHECK(contains(error_of(wrapped(idx_file({2, 3}, counting(5)))), "5 values of the 6"));
    CHECK(contains(error_of(wrapped(idx_file({2, 3}, counting(7)))), "left over"));
    Bytes header = idx_file({2, 3}, {});
    header.pop_back();
    CHECK(contains(error_of(wrapped(header)), "inside the header"));
  }
}

TEST_CASE("a broken gzip stream is refused") {
  const Bytes good = gzipped(idx_file({1000}, counting(1000)));
  CHECK(error_of(good) == "no error");
  for (const std::size_t size : {std::size_t{2}, std::size_t{12}, good.size() / 2, good.size() - 1})
    CHECK(contains(error_of(Bytes(good.begin(), good.begin() + size)), "cut short"));
  Bytes bad_sum = good;
  bad_sum[good.size() - 6] ^= std::byte{1};
  CHECK(contains(error_of(bad_sum), "broken"));
  Bytes longer = good;
  longer.push_back(std::byte{0});
  CHECK(contains(error_of(longer), "left over behind the gzip stream"));
}

TEST_CASE("files are recognised by their content") {
  const TempFolder folder;
  const Bytes plain = idx_file({3, 2, 2}, counting(12));
  CHECK(looks_like_idx(folder.write("a", plain)));
  CHECK(looks_like_idx(folder.write("b", gzipped(plain))));
  CHECK_FALSE(looks_like_idx(folder.write("c", counting(100))));
  CHECK_FALSE(looks_like_idx(folder.write("d", gzipped(counting(100)))));
  CHECK_FALSE(looks_like_idx(folder.write("e", std::string("\x1f\x8b"))));
  CHECK_FALSE(looks_like_idx(folder.write("f", Bytes{})));
  CHECK_FALSE(looks_like_idx(folder / "missing"));
  CHECK_FALSE(looks_like_idx(folder.path().string()));
  CHECK(load_idx(folder / "b").shape == std::vector<std::uint32_t>{3, 2, 2});
  CHECK_THROWS_AS(load_idx(folder / "missing"), Error);
}

}  // namespace
}  // namespace quantring
