// Tables of labels as people save them.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/labels/class_names.h"
#include "tests/engine/labels/labels_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::all_said;
using test::contains;
using test::labelled;

using Classes = std::vector<int>;
const std::vector<std::string> animals = {"cat", "dog, hound", "black swan", "newt"};

class Folder {
 public:
  Folder() {
    for (const char* name : {"a.png", "b.png", "sub/c.png"}) test::add_picture(pictures_, name);
  }
  std::string pictures() const { return pictures_.path().string(); }

  test::Labelled read(const std::string& table, const std::vector<std::string>& names = animals) {
    return labelled(pictures(), tables_.write("t.csv", table), names, 4);
  }

 private:
  TempFolder pictures_, tables_;
};

std::string utf16(const std::string& ascii, bool big, bool mark) {
  std::string out;
  const auto put = [&](unsigned unit) {
    const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xff);
    out += big ? high : low;
    out += big ? low : high;
  };
  if (mark) put(0xfeff);
  for (const char letter : ascii) put(static_cast<unsigned char>(letter));
  return out;
}

TEST_CASE("a table in any of the usual forms gives the same classes") {
  Folder folder;
  const std::string plain = "file,class_index\na.png,0\nb.png,1\nsub/c.png,2\n";
  const std::string pictures = folder.pictures();
  const std::vector<std::string> tables = {
      plain,
      "\xef\xbb\xbf" + plain,
      utf16(plain, false, true),
      utf16(plain, true, true),
      utf16(plain, false, false),
      "file;class_index\r\na.png;0\r\nb.png;1\r\nsub/c.png;2\r\n;\r\n",
      "sep=;\nfile;class_index\na.png;0\nb.png;1\nsub/c.png;2\n",
      "file\tclass_index\na.png\t0\nb.png\t1\nsub/c.png\t2\n",
      "file,class_index\ra.png,0\rb.png,1\rsub/c.png,2\r",
      "file , class_index\na.png, 0\n b.png ,1 \n\"sub/c.png\" , 2\n",
      "File,Class Index\na.png,0.0\nb.png,1.00\nsub/c.png,2.\n",
      "file;class_index\na.png;0,0\nb.png;1,0\nsub/c.png;2,0\n",
      "class_index,file,note\n0,./a.png,x\n1,./b.png,y\n2,./sub/c.png,z\n",
      "file,class_index\n.\\a.png,0\n.\\b.png,1\nsub\\c.png,2\n",
      "file,class_index\nC:\\pictures\\a.png,0\nC:\\pictures\\b.png,1\nC:\\pictures\\sub\\c.png,"
      "2\n",
      "file,class_index\n" + pictures + "/a.png,0\n" + pictures + "/b.png,1\n" + pictures +
          "/sub/c.png,2\n",
      "filename,label\na.png,0\nb.png,1\nc.png,2\n",
      "index,file,label\n0,a.png,0\n1,b.png,1\n2,c.png,2\n",
      "a.png,0\nb.png,1\nsub/c.png,2\n",
      "a.png 0\nb.png 1\nsub/c.png 2\n",
      "image_id,label\na,0\nb,1\nc,2\n",
      "file,class_name\na.png,cat\nb.png,dog\nc.png,Black_Swan\n",
      "file,label\na.png,cat\nb.png,hound\nc.png,black swan\n",
      "a.png;cat\nb.png;\"dog, hound\"\nsub/c.png;black-swan\n",
      "file,note,class_index\na.png,\"two\nlines, \"\"x\"\"\",0\nb.png,\"\r\n\",1\nsub/c.png,,2\n",
      "\"file\n\",\"class\nindex\"\na.png,0\nb.png,1\nsub/c.png,2\n",
      "# by hand, \"mostly\nfile,class_index\n#\na.png,0\n# the rest, "
      "later\nb.png,1\nsub/c.png,2\n",
      "# file, class_index\na.png,0\nb.png,1\n#sub/c.png\nsub/c.png,2\n",
      "# of val.txt\na.png 0\nb.png 1\n#c.png\nsub/c.png 2\n",
      "file,class_index\n\xC2\xA0"
      "a.png,0\xC2\xA0\nb.png,\xE2\x80\xAF"
      "1\n\"sub/c.png\"\xC2\xA0,2\n",
      "file,class_name\na.png,cat\nb.png,dog\nc.png,black\xC2\xA0swan\xC2\xA0\n",
  };
  for (const std::string& table : tables) {
    CAPTURE(table);
    const auto result = folder.read(table);
    CHECK(result.error == "");
    CHECK(result.classes == Classes{0, 1, 2});
    CHECK(all_said(result) == "");
  }
}

TEST_CASE("indices that the table's own names contradict are corrected and reported") {
  Folder folder;
  auto result =
      folder.read("file,class_index,class_name\na.png,1,cat\nb.png,2,dog\nc.png,3,black swan\n");
  CHECK(result.classes == Classes{0, 1, 2});
  CHECK(contains(all_said(result), "class_index counts from 1"));
  // Another numbering, so that the names decide.
  result = folder.read("file,class_index,class_name\na.png,3,cat\nb.png,0,dog\nc.png,1,newt\n");
  CHECK(result.classes == Classes{0, 1, 3});
  CHECK(contains(all_said(result), "class names are taken instead"));
  // Names of another language: only the indices are left, and those are said to be unchecked.
  result =
      folder.read("file,class_index,class_name\na.png,0,Katze\nb.png,1,Hund\nc.png,2,Schwan\n");
  CHECK(result.classes == Classes{0, 1, 2});
  CHECK(contains(all_said(result), "not the model's"));
  // No names, but the last class would be out of range.
  result = folder.read("file,class_index\na.png,1\nb.png,2\nc.png,4\n", {});
  CHECK(result.classes == Classes{0, 1, 3});
  CHECK(contains(all_said(result), "counts from 1"));
}

TEST_CASE("indices count from 1 only where they are spread over the classes") {
  Folder folder;
  for (const char* const table :
       {"file,class_index\na.png,4\nb.png,4\nc.png,4\n", "file,class_index\na.png,3\nb.png,4\n"}) {
    const auto result = folder.read(table, {});
    CHECK(contains(result.error, "class_index 4, but the model's classes are 0 to 3"));
    CHECK(contains(result.error, "counts from 1"));
  }
}

TEST_CASE("indices are checked against the WordNet ids in the names of ImageNet's files") {
  const TempFolder pictures, tables;
  for (const char* name :
       {"n01440764_1.JPEG", "ILSVRC2012_val_2_n01443537.JPEG", "n01484850/3.JPEG"})
    test::add_picture(pictures, name);
  const auto read = [&](const std::string& indices, const std::vector<std::string>& names = {}) {
    std::string table = "file,class_index\n";
    table += "ILSVRC2012_val_2_n01443537.JPEG," + indices.substr(0, 1) + "\n";
    table += "n01440764_1.JPEG," + indices.substr(1, 1) + "\n";
    table += "n01484850/3.JPEG," + indices.substr(2, 1) + "\n";
    return labelled(pictures.path().string(), tables.write("t.csv", table), names,
                    names.empty() ? 1000 : static_cast<int>(names.size()));
  };
  auto result = read("102");
  CHECK(result.classes == Classes{1, 0, 2});
  CHECK(all_said(result) == "");
  result = read("213");
  CHECK(result.classes == Classes{1, 0, 2});
  CHECK(contains(all_said(result),
                 "class_index counts from 1, as the WordNet ids in its file names "
                 "show: 2 (ILSVRC2012_val_2_n01443537.JPEG) is class 1 of the"));
  result = read("570");
  CHECK(result.classes == Classes{1, 0, 2});
  CHECK(contains(all_said(result), "the WordNet ids in its file names are taken instead"));
  // A model of some of them, in its own order; one that has none of them.
  CHECK(read("201", {"tench", "white shark", "goldfish"}).classes == Classes{2, 0, 1});
  result = read("102", {"cat", "dog", "cow"});
  CHECK(result.classes == Classes{1, 0, 2});
  CHECK(all_said(result) == "");
}

TEST_CASE("a table that cannot be right is refused by line") {
  Folder folder;
  CHECK(contains(folder.read("file,class_index\na.png,0\n\"b.png,1\nc.png,2\n").error,
                 ":3: a quote is not closed"));
  CHECK(contains(folder.read("file,class_index\na.png,0\nb.png,4\nc.png,1\n").error,
                 ":3: class_index 4"));
  CHECK(contains(folder.read("file,class_index\na.png,0\nb.png,9\n").error, ":3: class_index 9"));
  CHECK(contains(folder.read("file,class_name\na.png,cow\n").error, "none of the model's classes"));
  CHECK(contains(folder.read("file,class_name\na.png,cat\n", {}).error, "the model has none"));
  CHECK(contains(folder.read("file,class_index\na.png,1\na.png,2\n").error, "class 1 above"));
  const std::string binary = std::string("file,class_index\n") + '\0' + '\1' + "\n";
  CHECK(contains(folder.read(binary).error, "not a text file"));
}

TEST_CASE("files of the same name in several folders are told apart by their folders") {
  const TempFolder pictures, tables;
  for (const char* name : {"x/1.png", "y/1.png"}) test::add_picture(pictures, name);
  const std::string table =
      tables.write("t", std::string("file,class_index\n/data/x/1.png,2\n/data/y/1.png,3\n"));
  CHECK(labelled(pictures.path().string(), table, {}, 4).classes == Classes{2, 3});
  CHECK(labelled(pictures / "y", table, {}, 4).classes == Classes{3});
}

TEST_CASE("pictures without a label are counted") {
  Folder folder;
  const auto result = folder.read("file,class_index\na.png,0\nb.png,\n");
  CHECK(result.classes == Classes{0, -1, -1});
  CHECK(contains(all_said(result), "labels for 1 of the 3 pictures"));
}

TEST_CASE("files of class names in the usual forms") {
  const TempFolder folder;
  const auto names = [&](const std::string& text) {
    return read_class_names(folder.write("n", text));
  };
  const std::vector<std::string> expected = {"tench", "goldfish", "Tôt"};
  for (const std::string& text :
       std::vector<std::string>{"tench\ngoldfish\nTôt\n", "\xef\xbb\xbftench\r\n goldfish \r\nTôt",
                                "tench\rgoldfish\rTôt\r", "tench\ngoldfish\nT\xf4t\n",
                                "0,tench\n1,goldfish\n2,Tôt\n", "1: tench\n2: goldfish\n3: Tôt\n",
                                "n01440764 tench\nn01443537 goldfish\nn00000000 Tôt\n",
                                "[\"tench\", \"goldfish\",\n\"Tôt\"]",
                                "{\"0\": \"tench\", \"1\": \"goldfish\", \"2\": \"Tôt\"}",
                                "{\"0\": [\"n01440764\", \"tench\"], \"1\": [\"n01443537\", "
                                "\"goldfish\"], \"2\": [\"n\", \"Tôt\"]}"}) {
    CAPTURE(text);
    CHECK(names(text) == expected);
  }
  // What only looks like a numbered list.
  CHECK(names("1 euro\n2 euro\n5 euro\n") ==
        std::vector<std::string>{"1 euro", "2 euro", "5 euro"});
  CHECK(names("0\n1\n2\n") == std::vector<std::string>{"0", "1", "2"});
  CHECK(names(utf16("tench\nhen\n", false, true)) == std::vector<std::string>{"tench", "hen"});
  CHECK_THROWS_AS(names("{\"0\": \"a\", \"2\": \"b\"}"), Error);
  CHECK_THROWS_AS(names("[1, 2]"), Error);
  CHECK(read_class_names("imagenet").size() == 1000);
  CHECK(read_class_names("imagenet")[207] == "Golden Retriever");
}

TEST_CASE("the tables of ../shared/field give the classes of plain.csv") {
  const auto photos = test::golden("images/imagenet500"),
             names = test::golden("images/imagenet_classes.txt");
  const auto tables = test::golden("field/csv");
  if (!photos || !names || !tables) return;
  const auto classes = read_class_names(names->string());
  const auto plain = labelled(*photos, *tables / "plain.csv", classes, 1000).classes;
  REQUIRE(plain.size() == 500);
  for (const auto& table : std::filesystem::directory_iterator(*tables)) {
    CAPTURE(table.path());
    const auto result = labelled(*photos, table.path().string(), classes, 1000);
    CHECK(result.error == "");
    CHECK(result.classes == plain);
    const bool from_one = table.path().filename() == "one_based.csv";
    CHECK(contains(all_said(result), "counts from 1") == from_one);
  }
}

}  // namespace
}  // namespace quantring
