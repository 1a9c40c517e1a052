// The writers: files appear complete or not at all, even if the writer is killed.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "engine/model/model_file.h"
#include "ops/half.h"
#include "tests/weights/model/models.h"
#include "weights_tools/model/verify.h"

using namespace quantring;
using namespace quantring::test;

namespace {

const std::vector<float> some_values(1000, 1.5f);

void write_two(SafetensorsWriter& writer, float value) {
  const std::vector<float> values(8, value);
  writer.declare("a", "F32", {2, 4});
  writer.declare("b", "F32", {8});
  writer.begin({{"key", "before"}});
  writer.write(std::as_bytes(std::span(values)));
  writer.write(std::as_bytes(std::span(values)));
}

float first_value(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  float value = 0;
  std::memcpy(&value, file.read("b").data(), sizeof value);
  return value;
}

// Runs `action` in a child process and returns the status of waitpid.
int in_child(const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) {
    action();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("a file appears at commit and not before") {
  const TemporaryFolder folder;
  const auto path = folder / "out.safetensors";
  {
    SafetensorsWriter writer(path);
    write_two(writer, 1);
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK(files_in(folder.path()) == 0);
  SafetensorsWriter writer(path);
  write_two(writer, 2);
  writer.commit();
  CHECK(first_value(path) == 2);
  // The old file stays complete until it is replaced.
  SafetensorsWriter other(path);
  write_two(other, 3);
  CHECK(first_value(path) == 2);
  other.commit();
  CHECK(first_value(path) == 3);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a symbolic link is kept") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "store");
  const auto target = folder / "store/real.safetensors", link = folder / "link.safetensors";
  write_file(target, "old");
  std::filesystem::create_symlink(target, link);
  SafetensorsWriter writer(link);
  write_two(writer, 4);
  writer.commit();
  CHECK(std::filesystem::is_symlink(link));
  CHECK(first_value(target) == 4);
}

TEST_CASE("the file mode follows the umask") {
  const TemporaryFolder folder;
  for (const mode_t mask : {mode_t{022}, mode_t{027}, mode_t{0}}) {
    for (const char* name : {"new", "replaced"}) {
      const auto path = folder / (std::to_string(mask) + name);
      if (name == std::string("replaced")) write_file(path, "old");
      const mode_t before = ::umask(mask);
      SafetensorsWriter writer(path);
      write_two(writer, 1);
      writer.commit();
      ::umask(before);
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK((status.st_mode & 0777) == (0644 & ~mask));
    }
  }
}

TEST_CASE("a killed writer leaves no file") {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  for (const std::size_t tensors : {std::size_t{0}, std::size_t{1}, std::size_t{40}}) {
    const int status = in_child([&] {
      ModelWriter writer(path, small_architecture(), small_preprocess(), {}, StorageType::f32);
      for (std::size_t i = 0; i < tensors; ++i) {
        writer.write(std::vector<float>(writer.tensors()[i].elements(), 1.0f), "x");
      }
      ::kill(::getpid(), SIGKILL);
    });
    REQUIRE(WIFSIGNALED(status));
    CHECK(files_in(folder.path()) == 0);
  }
}

TEST_CASE("a full disk is one clear error and leaves no file") {
  const TemporaryFolder folder;
  const auto path = folder / "out.safetensors";
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2048, 2048};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = error_of([&] {
      SafetensorsWriter writer(path);
      writer.declare("a", "F32", {1000});
      writer.begin({});
      writer.write(std::as_bytes(std::span(some_values)));
      writer.commit();
    });
    ::_exit(message == "cannot write '" + path.string() + "': File too large" ? 7 : 1);
  });
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(files_in(folder.path()) == 0);
}

TEST_CASE("a path that cannot be written is an error at construction") {
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] { SafetensorsWriter(folder / "none/x.safetensors"); }),
                 "No such file or directory"));
  CHECK(contains(error_of([&] { SafetensorsWriter("/dev/full"); }), "not a regular file"));
  CHECK(contains(error_of([&] { SafetensorsWriter writer(folder.path()); }), "not a regular file"));
}

TEST_CASE("metadata can only be replaced by metadata of the same length") {
  const TemporaryFolder folder;
  const auto path = folder / "out.safetensors";
  SafetensorsWriter writer(path);
  write_two(writer, 5);
  CHECK_THROWS_AS(writer.replace_metadata({{"key", std::string(200, 'x')}}), std::logic_error);
  writer.replace_metadata({{"key", "behind"}});
  writer.commit();
  CHECK(SafetensorsFile(path).metadata().at("key") == "behind");
  CHECK(first_value(path) == 5);
}

TEST_CASE("a model file is written in one pass with correct hashes") {
  const TemporaryFolder folder;
  for (const StorageType storage : {StorageType::f32, StorageType::f16}) {
    const auto path = folder / "model.safetensors";
    const std::string hash = write_small_model(path, ten_labels(), storage);
    const ModelFile model(path);
    CHECK(model.hash() == hash);
    CHECK(model.labels() == ten_labels());
    CHECK(model.architecture() == small_architecture());
    CHECK(weights::verify(model).tensors == tensor_specs(small_architecture()).size());
    for (const TensorSpec& spec : tensor_specs(small_architecture())) {
      const bool half = storage == StorageType::f16 && spec.shape.size() > 1;
      CHECK(model.tensors().at(spec.name).dtype == (half ? "F16" : "F32"));
    }
    // The first value of write_small_model.
    const ModelTensor first = model.tensor("embed.patch.weight");
    const float value = storage == StorageType::f32
                            ? first.f32()[0]
                            : half_to_float(static_cast<const std::uint16_t*>(first.data)[0]);
    CHECK(value == doctest::Approx(0.0237f).epsilon(1e-3));
  }
}

TEST_CASE("half precision: only matrices, and only if the following tensors stay aligned") {
  CHECK(stored_dtype({"m", {4, 6}}, StorageType::f16) == "F16");
  CHECK(stored_dtype({"m", {4, 6}}, StorageType::f32) == "F32");
  CHECK(stored_dtype({"v", {24}}, StorageType::f16) == "F32");
  CHECK(stored_dtype({"odd", {3, 5}}, StorageType::f16) == "F32");
}

TEST_CASE("values that cannot be stored are errors naming the tensor") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    const std::vector<float> values = {1.0f, bad};
    CHECK(contains(error_of([&] { stored_bytes(values, "F32", "layer.7"); }), "layer.7"));
    CHECK(contains(error_of([&] { stored_bytes(values, "F16", "layer.7"); }), "layer.7"));
  }
  const std::vector<float> large = {65519.0f, -65520.0f};
  CHECK(contains(error_of([&] { stored_bytes(large, "F16", "w"); }), "--dtype f32"));
  CHECK(stored_bytes(large, "F32", "w").size() == 8);
  CHECK(stored_bytes(std::vector<float>{65519.0f}, "F16", "w").size() == 2);
}

TEST_CASE("a label that is not UTF-8 is an error") {
  const TemporaryFolder folder;
  auto labels = ten_labels();
  labels[3] = "caf\xe9";
  CHECK(contains(error_of([&] { write_small_model(folder / "m.safetensors", labels); }), "UTF-8"));
  CHECK(files_in(folder.path()) == 0);
}
