// Folders of class folders, as torchvision's ImageFolder and Keras read them.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/engine/labels/labels_fixture.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::all_said;
using test::contains;
using test::labelled;

using Classes = std::vector<int>;
using Names = std::vector<std::string>;

class Tree {
 public:
  explicit Tree(const Names& folders) {
    for (const std::string& folder : folders) test::add_picture(root_, folder + "/1.png");
  }
  test::Labelled read(const Names& names, int classes, const std::string& labels = "") const {
    return labelled(root_.path().string(), labels, names, classes);
  }
  std::string operator/(const std::string& path) const { return root_ / path; }

 private:
  TempFolder root_;
};

const Names animals = {"tench, Tinca tinca", "goldfish", "black swan"};

TEST_CASE("folders named as classes, WordNet ids, or both") {
  const std::vector<std::pair<Names, Classes>> trees = {
      {{"black_swan", "goldfish", "tench"}, {2, 1, 0}},
      {{"Black Swan", "Goldfish", "TENCH"}, {2, 1, 0}},
      {{"n01440764", "n01443537", "n01860187"}, {0, 1, 2}},
      {{"n01440764_tench", "n01443537_goldfish", "n01860187_black_swan"}, {0, 1, 2}},
      {{"0.tench", "1.goldfish", "2.black_swan"}, {0, 1, 2}},
      {{"val/n01440764", "val/n01443537", "val/n01860187"}, {0, 1, 2}}};
  for (const auto& [folders, classes] : trees) {
    CAPTURE(folders.front());
    const auto result = Tree(folders).read(animals, 3);
    CHECK(result.classes == classes);
    CHECK(contains(all_said(result), "names of 3 folders"));
  }
}

TEST_CASE("folders named as class indices") {
  const auto result = Tree({"0", "02", "1"}).read(animals, 3);
  CHECK(result.classes == Classes{0, 2, 1});
  CHECK(contains(all_said(result), "class indices"));
  const auto from_one = Tree({"1", "2", "3"}).read(animals, 3);
  CHECK(from_one.classes == Classes{0, 1, 2});
  CHECK(contains(all_said(from_one), "counted from 1"));
}

TEST_CASE("models without class names") {
  // ImageNet's, by the number of its classes.
  auto result = Tree({"goldfish", "n01440764"}).read({}, 1000);
  CHECK(result.classes == Classes{1, 0});
  CHECK(contains(all_said(result), "ImageNet"));
  // As ImageFolder numbers them.
  result = Tree({"ants", "bees"}).read({}, 2);
  CHECK(result.classes == Classes{0, 1});
  CHECK(contains(all_said(result), "alphabetical"));
}

TEST_CASE("folders that are no classes label nothing, unless they must") {
  const Tree holiday({"2023", "beach"});
  const auto result = holiday.read(animals, 3);
  CHECK(result.classes == Classes{-1, -1});
  CHECK(all_said(result) == "");
  CHECK(
      contains(holiday.read(animals, 3, "folders").error, "are not named as the model's classes"));
  // One folder may have its name by chance.
  const Tree one({"goldfish"});
  CHECK(one.read(animals, 3).classes == Classes{-1});
  CHECK(one.read(animals, 3, "folders").classes == Classes{1});
}

TEST_CASE("pictures beside the class folders are said not to be scored") {
  const Tree tree({"goldfish", "tench", "other"});
  const auto result = tree.read(animals, 3);
  CHECK(result.classes == Classes{1, -1, 0});
  CHECK(contains(all_said(result), "'other'"));
}

TEST_CASE("a pattern over class folders") {
  const Tree tree({"goldfish", "tench"});
  CHECK(labelled(tree / "*/*.png", "", animals, 3).classes == Classes{1, 0});
}

TEST_CASE("a class of two names in ImageNet is told by its id") {
  const Tree tree({"n02012849", "n03126707"});  // the bird and the machine
  CHECK(tree.read({}, 1000).classes == Classes{134, 517});
}

}  // namespace
}  // namespace quantring
