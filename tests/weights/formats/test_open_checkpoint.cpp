#include <doctest/doctest.h>
#include <sys/stat.h>

#include "ops/base/error.h"
#include "tests/support/golden.h"
#include "tests/weights/formats/containers.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/checkpoint.h"

using namespace quantring::weights;
using namespace quantring::test;

namespace {

namespace fs = std::filesystem;

std::string error_for(const fs::path& path, const std::string& part = {}) {
  return error_of([&] { open_checkpoint(path, part); });
}

std::string error_for_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  return error_for(write_file(folder / "file", bytes));
}

std::string old_tar() {
  std::string header(512, '\0');
  header.replace(0, 8, "sys_info");
  header.replace(257, 5, "ustar");
  return header;
}

}  // namespace

TEST_CASE("files are recognised by content, not by name") {
  const TemporaryFolder folder;
  const auto format = [&](const std::string& fixture) {
    const fs::path copy = folder / "file.dat";
    fs::copy_file(container(fixture), copy, fs::copy_options::overwrite_existing);
    const OpenedCheckpoint opened = open_checkpoint(copy);
    CHECK(opened.file == copy);
    return opened.checkpoint->format();
  };
  CHECK(format("stored.npz") == "NumPy npz");
  CHECK(format("streamed.npz") == "NumPy npz");
  CHECK(format("sharded_safetensors/model-00001-of-00003.safetensors") == "safetensors");
  CHECK(contains(format("torch.pth"), "PyTorch zip"));
}

TEST_CASE("folders and indexes of Hugging Face") {
  for (const char* const kind : {"sharded_safetensors", "sharded_bin"}) {
    const OpenedCheckpoint opened = open_checkpoint(container(kind));
    CHECK(opened.file.extension() == ".json");
    CHECK(open_checkpoint(opened.file).checkpoint->tensors().size() == 4);
    CHECK(contains(opened.checkpoint->format(), " in 3 files"));
    CHECK(opened.checkpoint->read("head.bias") == fixture_values(4));
    for (int i = 0; i < 3; ++i) {
      const std::string name = "blocks." + std::to_string(i) + ".weight";
      CHECK(opened.checkpoint->read(name) == fixture_values(128));
    }
  }
}

TEST_CASE("a folder: the usual names first, else the only checkpoint, else an error with a list") {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& name) {
    fs::copy_file(container("sharded_safetensors/model-00001-of-00003.safetensors"), folder / name);
  };
  CHECK(contains(error_for(folder.path()), "holds no checkpoint"));
  put("notes.txt");
  fs::create_directory(folder / "x.pth");
  CHECK(contains(error_for(folder.path()), "holds no checkpoint"));
  put("vit.safetensors");
  CHECK(open_checkpoint(folder.path()).file == folder / "vit.safetensors");
  put("vit_large.pth");
  CHECK(contains(error_for(folder.path()),
                 "holds 2 checkpoints; name one of them: vit.safetensors, vit_large.pth"));
  put("pytorch_model.bin");
  CHECK(open_checkpoint(folder.path()).file == folder / "pytorch_model.bin");
  put("model.safetensors");
  CHECK(open_checkpoint(folder.path()).file == folder / "model.safetensors");
}

TEST_CASE("errors for other files have their type and the remedy") {
  const auto foreign = [](const std::string& name) {
    return error_for(container("foreign/" + name));
  };
  CHECK(contains(foreign("before_1_6.pth"),
                 "has the format of PyTorch before 1.6; load and save it again with a current "
                 "PyTorch: python3 -c "
                 "\"import torch; torch.save(torch.load('before_1_6.pth', map_location='cpu', "
                 "weights_only=True), 'new.pth')\""));
  CHECK(contains(error_for_bytes(old_tar()), "has the format of PyTorch before 1.6"));
  CHECK(contains(foreign("keras.h5"), "an HDF5 file"));
  CHECK(contains(foreign("flax.msgpack"), "a msgpack file (Flax)"));
  CHECK(contains(foreign("model.onnx"), "an ONNX model"));
  CHECK(contains(foreign("plain.pkl"), "a Python pickle that torch.save did not write"));
  CHECK(contains(error_for_bytes("GGUF\3"), "a GGUF file"));
  CHECK(contains(error_for_bytes("version https://git-lfs.github.com/spec/v1\noid sha256:12\n"),
                 "run 'git lfs pull'"));
  for (const char* const page : {"<!DOCTYPE html><html>", "\n <html lang", "<?xml version"}) {
    CHECK(contains(error_for_bytes(page), "saved as the file; fetch the file itself"));
  }
  CHECK(contains(error_for_bytes(""), "is empty: the download failed"));
  CHECK(contains(error_for_bytes("\x1f\x8b\x08"), "a gzip file; unpack it first"));
  CHECK(contains(error_for_bytes("hello"),
                 "is a text file that begins with \"hello\", not a supported checkpoint"));
  CHECK(contains(error_for_bytes("{\"model_type\": \"vit\"}"), "it has no weight_map"));
  CHECK(contains(error_for_bytes(build_zip({{.name = "a.txt", .contents = "hi"}})),
                 "a zip archive, but not of PyTorch or NumPy"));
  CHECK(contains(error_for_bytes(build_zip({{.name = "model.weights.h5"}})), "a Keras model"));
}

TEST_CASE("paths that are not files, and truncated files") {
  const TemporaryFolder folder;
  CHECK(contains(error_for(folder / "none"), "none': No such file or directory"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(error_for(folder / "pipe"), "not a regular file"));
  const std::string zip = read_file(container("torch.pth"));
  CHECK(contains(error_for_bytes(zip.substr(0, zip.size() / 2)), "probably truncated"));
  const std::string tensors =
      read_file(container("sharded_safetensors/model-00001-of-00003.safetensors"));
  CHECK(contains(error_for_bytes(tensors.substr(0, 300)), "larger than the file"));
  CHECK(error_for_bytes(tensors.substr(0, 5)) != no_error);
}

TEST_CASE("--part is only for PyTorch files") {
  for (const char* const name : {"stored.npz", "sharded_safetensors"}) {
    CHECK(contains(error_for(container(name), "model_ema"), "--part model_ema: "));
    CHECK_THROWS_AS(open_checkpoint(container(name), "model_ema"), quantring::OptionError);
  }
}
