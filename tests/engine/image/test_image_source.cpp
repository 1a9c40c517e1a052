// Sources of pictures and their labels.
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/image_source.h"
#include "engine/labels/class_names.h"
#include "engine/labels/label_table.h"
#include "ops/base/error.h"
#include "tests/support/byte_files.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;

// All pictures of a source as "name:first pixel:label", names without the folder.
std::vector<std::string> contents(const std::string& spec, const SourceOptions& options) {
  const auto source = open_source({spec}, options);
  std::vector<std::string> all;
  for (SourceItem item; source->next(item);)
    all.push_back(std::filesystem::path(item.name).filename().string() + ":" +
                  std::to_string(item.image.pixels.at(0)) + ":" + std::to_string(item.label));
  CHECK(source->size() == all.size());
  return all;
}

std::string error_of(const std::string& spec, const SourceOptions& options) {
  try {
    open_source({spec}, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

using Strings = std::vector<std::string>;

// b.PNG a.png sub/c.png and things that are no pictures.
void fill(const TempFolder& folder) {
  folder.write("b.PNG", grey_png(3, 2, 20));
  folder.write("a.png", grey_png(3, 2, 10));
  folder.write("sub/c.png", grey_png(3, 2, 30));
  folder.write("notes.txt", std::string("hello"));
  folder.write("sub/.hidden", std::string("hello"));
}

TEST_CASE("a folder is read in the order of its paths, other files are counted") {
  const TempFolder folder;
  fill(folder);
  CHECK(contents(folder.path().string(), {}) ==
        Strings{"a.png:10:-1", "b.PNG:20:-1", "c.png:30:-1"});
  CHECK(open_source({folder.path().string()}, {})->passed_over().files == 1);
  SourceOptions two;
  two.limit = 2;
  CHECK(contents(folder.path().string(), two) == Strings{"a.png:10:-1", "b.PNG:20:-1"});
}

TEST_CASE("one file is read whatever its name; a pattern takes what matches") {
  const TempFolder folder;
  fill(folder);
  const std::string odd = folder.write("odd.name", grey_png(1, 1, 40));
  CHECK(contents(odd, {}) == Strings{"odd.name:40:-1"});
  CHECK(contents(folder / "*.png", {}) == Strings{"a.png:10:-1"});
  CHECK(contents(folder / "*", {}) == Strings{"a.png:10:-1", "b.PNG:20:-1"});
  CHECK(open_source({folder / "*"}, {})->passed_over().files == 2);
  CHECK(contents(folder / "[ab].*", {}).size() == 2);
  // A file of that very name comes before the pattern.
  folder.write("[ab].png", grey_png(1, 1, 50));
  CHECK(contents(folder / "[ab].png", {}) == Strings{"[ab].png:50:-1"});
}

TEST_CASE("pictures come in the channels asked for") {
  const TempFolder folder;
  const std::string file = folder.write("a.png", grey_png(3, 2, 10));
  for (const int channels : {1, 3}) {
    SourceOptions options;
    options.channels = channels;
    SourceItem item;
    REQUIRE(open_source({file}, options)->next(item));
    CHECK(item.image.channels == channels);
    CHECK(item.image.width == 3);
    CHECK(item.image.height == 2);
    CHECK(item.image.pixels.size() == static_cast<std::size_t>(6 * channels));
  }
}

TEST_CASE("a broken picture is an error by name, and the next one follows") {
  const TempFolder folder;
  fill(folder);
  folder.write("a.png", std::string("no picture"));
  const auto source = open_source({folder.path().string()}, {});
  SourceItem item;
  try {
    source->next(item);
    FAIL("a.png was accepted");
  } catch (const Error& error) {
    CHECK(contains(error.what(), folder / "a.png"));
    CHECK(item.name == folder / "a.png");
  }
  CHECK(source->next(item));
  CHECK(item.name == folder / "b.PNG");
}

TEST_CASE("the error for an empty source names what was searched for") {
  const TempFolder folder;
  CHECK(contains(error_of(folder.path().string(), {}), "no picture in this folder"));
  folder.write("notes.txt", std::string("hello"));
  CHECK(contains(error_of(folder.path().string(), {}), "1 other file passed over (.txt)"));
  CHECK(contains(error_of(folder / "missing.png", {}), "no such file or folder"));
  const std::string camera = error_of("rtsp://me:secret@cam/1", {});
  CHECK(contains(camera, "quantring camera"));
  CHECK(!contains(camera, "secret"));
  CHECK(contains(error_of(folder / "*.txt", {}), ".jpg .jpeg .jpe .jfif .png"));
}

TEST_CASE("labels of a CSV are found by path below the folder and by bare name") {
  const TempFolder folder;
  fill(folder);
  SourceOptions options;
  options.labels_file =
      folder.write("labels.csv", std::string("file,class_index,class_name\r\n"
                                             "sub/c.png,3,\"a, b\"\r\n"
                                             "\"a.png\",0,\"say \"\"hi\"\"\"\r\n\r\n"));
  CHECK(contents(folder.path().string(), options) ==
        Strings{"a.png:10:0", "b.PNG:20:-1", "c.png:30:3"});
  CHECK(contents(folder / "a*", options) == Strings{"a.png:10:0"});
  CHECK(contains(error_of(folder / "b*", options), "has no label for any of the 1 pictures"));
}

TEST_CASE("labels of an IDX file are matched by position") {
  const TempFolder folder;
  fill(folder);
  SourceOptions options;
  options.labels_file = folder.write("l-idx1-ubyte", idx_file({3}, counting(3)));
  options.limit = 2;
  CHECK(contents(folder.path().string(), options) == Strings{"a.png:10:1", "b.PNG:20:8"});
  options.labels_file = folder.write("l2-idx1-ubyte", idx_file({2}, counting(2)));
  CHECK(contains(error_of(folder.path().string(), options), "2 labels for 3 pictures"));
}

TEST_CASE("quoted fields hold commas and doubled quotes") {
  const TempFolder folder;
  const auto rows = read_label_table(
      folder.write("l.csv", std::string("file,class_index\n\"a,\"\"b\"\".png\",7\n")));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].file == "a,\"b\".png");
  CHECK(rows[0].index == 7);
}

TEST_CASE("wrong CSVs are refused with file and line") {
  const TempFolder folder;
  const auto csv_error = [&folder](const std::string& text) {
    try {
      read_label_table(folder.write("l.csv", text));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(csv_error("class_index,file\n4,x\n") == "no error");
  CHECK(contains(csv_error("name,class_index\n"), "no column \"file\""));
  CHECK(contains(csv_error("file,size\n"), "no column \"class_index\""));
  CHECK(contains(csv_error("file,class_index\na,1\nb\n"), "l.csv:3: 1 fields"));
  CHECK(contains(csv_error("file,class_index\na,x\n"), "l.csv:2: \"x\""));
  CHECK(contains(csv_error("file,class_index\na,-1\n"), "is not a class index"));
  CHECK(contains(csv_error("file,class_index\na,1.5\n"), "is not a class index"));
  CHECK(contains(csv_error("file,class_index\n\"a,1\n"), "not closed"));
  CHECK(contains(csv_error(""), "empty"));
}

TEST_CASE("names of classes, one a line") {
  const TempFolder folder;
  CHECK(read_class_names(folder.write("n", std::string("shirt \r\n\nbag\n\n\n"))) ==
        Strings{"shirt", "", "bag"});
  CHECK_THROWS_AS(read_class_names(folder.write("e", std::string("\n\n"))), Error);
  CHECK_THROWS_AS(read_class_names(folder / "missing"), Error);
}

TEST_CASE("an IDX file gives its pictures with the labels beside it") {
  const TempFolder folder;
  const Bytes images = idx_file({3, 2, 2}, counting(12));
  const Bytes labels = idx_file({3}, {std::byte{5}, std::byte{0}, std::byte{4}});
  const std::string plain = folder.write("t10k-images-idx3-ubyte", images);
  CHECK(contents(plain, {}) == Strings{"t10k-images-idx3-ubyte#0:1:-1",
                                       "t10k-images-idx3-ubyte#1:29:-1",
                                       "t10k-images-idx3-ubyte#2:57:-1"});
  folder.write("t10k-labels-idx1-ubyte.gz", gzipped(labels));
  SourceOptions two;
  two.limit = 2;
  CHECK(contents(plain, two) ==
        Strings{"t10k-images-idx3-ubyte#0:1:5", "t10k-images-idx3-ubyte#1:29:0"});
  const std::string zipped = folder.write("train-images.idx3-ubyte.gz", gzipped(images));
  folder.write("train-labels.idx1-ubyte", labels);
  CHECK(contents(zipped, {}).back() == "train-images.idx3-ubyte.gz#2:57:4");

  SourceOptions named;
  named.labels_file = folder.write("mine", idx_file({3}, counting(3)));
  CHECK(contents(plain, named).back() == "t10k-images-idx3-ubyte#2:57:15");
  named.labels_file = folder.write("few", idx_file({2}, counting(2)));
  CHECK(contains(error_of(plain, named), "2 labels for 3 pictures"));
  named.labels_file = plain;
  CHECK(contains(error_of(plain, named), "labels have 1 dimension"));
  named.labels_file = folder.write("l.csv", std::string("file,class_index\na,1\n"));
  CHECK(contains(error_of(plain, named), "take their labels from an IDX file"));
}

TEST_CASE("coloured IDX pictures keep their pixels, labels and odd channels are refused") {
  const TempFolder folder;
  const Bytes values = counting(2 * 2 * 1 * 3);
  const auto source = open_source({folder.write("c", idx_file({2, 2, 1, 3}, values))}, {});
  SourceItem item;
  REQUIRE(source->next(item));
  REQUIRE(source->next(item));
  CHECK(item.image.height == 2);
  CHECK(item.image.width == 1);
  for (int i = 0; i < 6; ++i)
    CHECK(item.image.pixels[i] == static_cast<std::uint8_t>(values[6 + i]));
  CHECK_FALSE(source->next(item));
  CHECK(contains(error_of(folder.write("l", idx_file({4}, counting(4))), {}), "not pictures"));
  CHECK(contains(error_of(folder.write("f", idx_file({1, 1, 1, 2}, counting(2))), {}), "1 or 3"));
}

}  // namespace
}  // namespace quantring
