// Files that are given as a model and are none: the error says what they are.
#include <doctest/doctest.h>

#include <string>

#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;

std::string error_for(const std::string& path) {
  return test::error_of([&] { ModelFile model(path); });
}

TEST_CASE("what was given instead of a model file, and how to make one of a checkpoint") {
  const TempFolder folder;
  const auto error = [&](const std::string& name, const std::string& bytes) {
    return error_for(folder.write(name, bytes));
  };
  const std::string zip = error("x.pth", "PK\x03\x04 and so on");
  CHECK(contains(zip, "PyTorch"));
  CHECK(contains(zip, "quantring-weights convert '" + folder / "x.pth" + "'"));
  CHECK(contains(error("x.jpg", "\xff\xd8\xff\xe0 0123456789"),
                 "a JPEG picture, not a model file; model files are made from checkpoints: "
                 "`quantring-weights convert"));
  CHECK(contains(error("x.png", "\x89PNG\r\n\x1a\n0123456789"), "a PNG picture"));
  CHECK(contains(error("x.html", "\n<!DOCTYPE html><html>"), "a web page"));
  CHECK(contains(error("x.index.json", "{ \"weight_map\": {} }"), "a JSON file"));
  CHECK(contains(error("x.txt", "tench\ngoldfish\n"), "a text file"));
  // The same names as for a picture (tests/engine/image/test_foreign_format.cpp).
  CHECK(
      contains(error("x.tif", std::string("II*\0", 4) + "0123456789"), "is a TIFF picture, not a"));
  CHECK(contains(error("x.heic", std::string("\0\0\0\x18", 4) + "ftypheic0123456789"),
                 "is a HEIC picture"));
  CHECK(contains(error("x.gguf", "GGUF 0123456789"), "is a GGUF file (llama.cpp)"));
  CHECK(contains(error("x.bin", std::string(64, '\3')), "in an unknown format"));
  CHECK(contains(error("empty", ""), "is empty"));
  CHECK(contains(error_for(folder.path().string()), "is a folder"));
  CHECK(contains(error_for(folder.path().string()), "quantring-weights convert"));
  CHECK(contains(error_for(folder / "missing"), "No such file"));
  // A checkpoint in the right container.
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::string length = {static_cast<char>(header.size()), 0, 0, 0, 0, 0, 0, 0};
  const std::string checkpoint = error("c.safetensors", length + header + "1234");
  CHECK(contains(checkpoint, "quantring-weights convert '" + folder / "c.safetensors" + "'"));
}

}  // namespace
}  // namespace quantring
