#include <doctest/doctest.h>

#include <utility>

#include "tests/support/golden.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/containers.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/zip.h"

using namespace quantring::weights;
using namespace quantring::test;

namespace {

using Contents = std::vector<std::pair<std::string, std::string>>;

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::uint64_t plenty = 1 << 20;

Contents unpack(const std::filesystem::path& path) {
  const ZipFile zip(path);
  Contents contents;
  for (const auto& [name, entry] : zip.entries()) {
    contents.emplace_back(name, text(zip.read(name, plenty)));
  }
  return contents;
}

// The error while reading the whole archive.
std::string refusal(const std::string& bytes) {
  return error_of([&] { unpack(memory_file(bytes)); });
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace

TEST_CASE("entries of all supported kinds") {
  const TemporaryFolder folder;
  const std::string repeated(5000, 'r');
  for (const bool zip64 : {false, true}) {
    for (const unsigned flags : {0u, 0x808u}) {
      for (const std::string& comment : {std::string(), std::string(65535, 'c')}) {
        const auto path = write_file(
            folder / "a.zip",
            build_zip({{.name = "a/stored", .contents = "hello", .zip64 = zip64, .flags = flags},
                       {.name = "b", .contents = repeated, .deflate = true, .zip64 = zip64},
                       {.name = "c", .contents = "", .deflate = true},
                       {.name = "d", .contents = ""}},
                      {.zip64 = zip64, .comment = comment}));
        CHECK(unpack(path) ==
              Contents{{"a/stored", "hello"}, {"b", repeated}, {"c", ""}, {"d", ""}});
      }
    }
  }
  CHECK(unpack(write_file(folder / "none.zip", build_zip({}))).empty());
}

TEST_CASE("archives of Python's zipfile and of PyTorch") {
  const Contents streamed = unpack(container("streamed.npz"));
  REQUIRE(streamed.size() == 3);
  CHECK(streamed[0].first == "params/");
  CHECK(streamed[2].first == "params/f32.npy");
  CHECK(streamed[2].second.size() == 128 + 24 * 4);

  const ZipFile torch(container("torch.pth"));
  const std::span<const std::byte> values = torch.stored("torch/data/0");
  REQUIRE(values.size() == 48);
  const auto expected = fixture_values(12);
  CHECK(text(values) == std::string(reinterpret_cast<const char*>(expected.data()), 48));
  CHECK(text(torch.read("torch/byteorder", plenty)) == "little");
}

TEST_CASE("large entries: chunks, prefixes, released pages") {
  const TemporaryFolder folder;
  const std::string large = noise(11 << 20);
  const auto path = write_file(
      folder / "a.zip", build_zip({{.name = "stored", .contents = large},
                                   {.name = "deflated", .contents = large, .deflate = true}}));
  const ZipFile zip(path);
  const std::size_t before = resident_file_bytes();
  CHECK(text(zip.read("deflated", large.size())) == large);
  CHECK(text(zip.read("stored", large.size())) == large);
  CHECK(resident_file_bytes() < before + (1 << 20));
  zip.stored("stored");
  CHECK(resident_file_bytes() < before + (1 << 20));
  for (const char* const name : {"stored", "deflated"}) {
    CHECK(text(zip.read_prefix(name, 100)) == large.substr(0, 100));
    CHECK(contains(error_of([&] { zip.read(name, large.size() - 1); }),
                   "more than the 11534335 that are accepted"));
  }
  CHECK(contains(error_of([&] { zip.stored("deflated"); }),
                 "entry 'deflated' must not be compressed"));
  CHECK(contains(error_of([&] { zip.stored("other"); }), "has no entry 'other'"));
}

TEST_CASE("errors for wrong contents") {
  CHECK(contains(refusal(build_zip({{.name = "w", .contents = "hello", .crc = 7}})),
                 "entry 'w' is damaged (wrong CRC)"));
  CHECK(
      contains(refusal(build_zip({{.name = "w", .contents = "hello", .deflate = true, .crc = 7}})),
               "entry 'w' is damaged"));
  // Contents that are longer or shorter than in the directory.
  const std::string zeros(1000, '\0');
  for (const std::uint64_t size : {999, 1001}) {
    CHECK(contains(
        refusal(build_zip({{.name = "w", .contents = zeros, .deflate = true, .size = size}})),
        "entry 'w' is damaged"));
  }
  CHECK(contains(
      refusal(build_zip(
          {{.name = "w", .contents = "hello", .deflate = true, .data = raw_deflated("hell")}})),
      "entry 'w' is damaged"));
  // Bytes behind the end of the compressed data, or no end.
  const std::string packed = raw_deflated("hello");
  for (const std::string& data : {packed + "x", packed.substr(0, packed.size() - 1)}) {
    CHECK(contains(
        refusal(build_zip({{.name = "w", .contents = "hello", .deflate = true, .data = data}})),
        "entry 'w' is damaged"));
  }
  CHECK(contains(
      refusal(
          build_zip({{.name = "w", .contents = "hello", .deflate = true, .data = "\xff\xff\xff"}})),
      "entry 'w' is damaged"));
}

TEST_CASE("zip bombs are errors") {
  // More than the caller's limit; an impossible ratio; entries that share data.
  const std::string zeros(4 << 20, '\0');
  CHECK(contains(refusal(build_zip({{.name = "w", .contents = zeros, .deflate = true}})),
                 "more than the 1048576 that are accepted"));
  CHECK(contains(refusal(build_zip({{.name = "w",
                                     .contents = "hello",
                                     .deflate = true,
                                     .zip64 = true,
                                     .size = std::uint64_t{1} << 40}})),
                 "cannot have 1099511627776 bytes"));
  const std::string inner = build_zip({{.name = "inner", .contents = std::string(100, 'x')}});
  CHECK(contains(
      refusal(build_zip({{.name = "outer", .contents = inner},
                         {.name = "inner", .contents = std::string(100, 'x'), .header = 30 + 5}})),
      "two entries share bytes"));
}

TEST_CASE("a malicious directory is an error") {
  const ZipPart good{.name = "w", .contents = "hello"};
  const auto with = [&](auto change) {
    ZipPart part = good;
    part.zip64 = true;
    change(part);
    return refusal(build_zip({part}));
  };
  CHECK(with([](ZipPart&) {}) == no_error);
  for (const std::uint64_t offset : {std::uint64_t{1}, std::uint64_t{60}, std::uint64_t{1000},
                                     std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    CHECK(contains(with([&](ZipPart& part) { part.header = offset; }),
                   "entry 'w' is not at its place in the directory"));
  }
  for (const std::uint64_t size : {std::uint64_t{6}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    CHECK(contains(with([&](ZipPart& part) { part.size = part.compressed = size; }),
                   "extends past the end"));
  }
  CHECK(contains(with([](ZipPart& part) { part.size = 4; }), "cannot have 4 bytes in 5"));
  CHECK(contains(with([](ZipPart& part) { part.method = 12; }), "compressed with method 12"));
  CHECK(contains(with([](ZipPart& part) { part.flags = 1; }), "encrypted"));
  CHECK(contains(with([](ZipPart& part) { part.local_name = "v"; }), "another name"));
  CHECK(contains(with([](ZipPart& part) { part.local_name = ""; }), "another name"));
  CHECK(contains(with([](ZipPart& part) { part.name = "a\nb"; }), "control characters"));
  CHECK(contains(refusal(build_zip({good, good})), "entry 'w' appears twice"));

  for (const bool zip64 : {false, true}) {
    CHECK(
        contains(refusal(build_zip({good}, {.zip64 = zip64, .count = 2})), "it claims 2 entries"));
    CHECK(
        contains(refusal(build_zip({{.name = std::string(60, 'n')}}, {.zip64 = zip64, .count = 2})),
                 "its directory is truncated"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = zip64, .count = 0})),
                   "its directory is longer"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = zip64, .count = 60000})),
                   "it claims 60000 entries"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = zip64, .offset = 1})),
                   "its directory is not where it should be"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = zip64, .size = 1000})),
                   "its directory is not where it should be"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = zip64, .disk = 1})), "split over"));
  }
  for (const std::uint64_t huge : {std::uint64_t{1} << 60, ~std::uint64_t{0}}) {
    CHECK(contains(refusal(build_zip({good}, {.zip64 = true, .count = huge})), "claims"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = true, .size = huge})),
                   "not where it should be"));
    CHECK(contains(refusal(build_zip({good}, {.zip64 = true, .offset = huge})),
                   "not where it should be"));
  }
}

TEST_CASE("truncation is an error; a flipped bit is an error or does not change the contents") {
  const std::string whole =
      build_zip({{.name = "a", .contents = "hello", .zip64 = true},
                 {.name = "b", .contents = std::string(300, 'b'), .deflate = true},
                 {.name = "c", .contents = noise(40), .flags = 0x808}},
                {.zip64 = true});
  const Contents expected = unpack(memory_file(whole));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CHECK(refusal(whole.substr(0, size)) != no_error);
  }
  int refused = 0, same = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    Contents contents;
    if (error_of([&] { contents = unpack(memory_file(flipped)); }) == no_error) {
      CHECK(contents == expected);
      ++same;
    } else {
      ++refused;
    }
  }
  // Times, versions, and sizes and CRCs in local headers are not used.
  CHECK(refused > 2 * same);
}
