// Matrix products on a GPU against sums in double precision: every candidate of every engine, and
// the autotuner.

#include "ops/cuda/matmul/matmul.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/streams.h"
#include "ops/cuda/matmul/tuning_cache.h"
#include "tests/ops/cuda/matmul_case.h"

using namespace quantring;
using namespace quantring::cuda;
using namespace quantring::test;
namespace fs = std::filesystem;

namespace {

// Choices are stored in a folder of the test.
struct CacheFolder {
  fs::path path = fs::temp_directory_path() / ("quantring_matmul_" + std::to_string(getpid()));
  CacheFolder() {
    fs::remove_all(path);
    setenv("XDG_CACHE_HOME", path.c_str(), 1);
  }
  ~CacheFolder() { fs::remove_all(path); }
  std::vector<fs::path> files() const {
    if (!fs::exists(path / "quantring")) return {};
    return {fs::directory_iterator(path / "quantring"), {}};
  }
};

// The choices in the report; another line may say that a library is missing.
std::vector<std::string> choices_of(const Matmul& matmul) {
  std::vector<std::string> lines = matmul.report();
  std::erase_if(lines, [](const std::string& line) { return !line.starts_with("rows "); });
  return lines;
}

struct Size {
  std::int64_t rows, in, out;
};

}  // namespace

TEST_CASE("every candidate of every engine computes the product") {
  if (!have_gpu()) return;
  const Streams streams(0);
  std::string reason;
  std::vector<std::unique_ptr<MatmulEngine>> engines;
  engines.push_back(make_mma_engine(streams.ops()));
  engines.push_back(make_wgmma_engine(streams.ops()));
  engines.push_back(make_cublas_lt_engine(streams.ops(), reason));
  if (!reason.empty()) MESSAGE(reason);
  std::map<std::string, int> runs;
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const Size size : {Size{1, 192, 1000}, Size{67, 328, 200}, Size{200, 192, 576}}) {
      for (const Form form : forms) {
        MatmulCase one(dtype, size.rows, size.in, size.out, form);
        for (const auto& engine : engines) {
          if (!engine) continue;
          for (const std::string& candidate : engine->candidates(one.call)) {
            one.reset();
            engine->run(one.call, candidate);
            const std::string mistake = one.mistake();
            CHECK_MESSAGE(mistake.empty(), std::string(engine->name()), " ", candidate, " ",
                          std::string(dtype_name(dtype)), " rows ", size.rows, " in ", size.in,
                          " out ", size.out, " activation ", int(form.activation), " accumulate ",
                          form.accumulate, " norm ", form.norm, " f32 x ", form.x_f32, " y ",
                          form.y_f32, ": ", mistake);
            ++runs[engine->name()];
          }
        }
      }
    }
  }
  for (const auto& [name, count] : runs) std::printf("%s: %d runs\n", name.c_str(), count);
  CHECK(!runs.empty());
}

TEST_CASE("an unknown candidate name is refused") {
  if (!have_gpu()) return;
  const Streams streams(0);
  const MatmulCase one(DType::f16, 64, 64, 64, {});
  std::string reason;
  const auto refuses = [&](std::unique_ptr<MatmulEngine> engine) {
    if (!engine) return;
    for (const char* name : {"", "0.0.0.0.0.0.0.0", "1.2.3", "128x128", "0.0.0.0.0.0.0.0+act",
                             "ffffffffffffffff.1.1.1.1.1.1.1", "none"}) {
      CHECK_THROWS_AS(engine->run(one.call, name), Error);
    }
  };
  refuses(make_mma_engine(streams.ops()));
  refuses(make_wgmma_engine(streams.ops()));
  refuses(make_cublas_lt_engine(streams.ops(), reason));
  check(cudaDeviceSynchronize(), "nothing");
}

TEST_CASE("the chosen candidate computes the product; measuring does not change an accumulated y") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  Matmul matmul(streams.ops());
  std::string reason;
  const bool library = make_cublas_lt_engine(streams.ops(), reason) != nullptr;
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const Size size : {Size{1, 192, 1000}, Size{197, 192, 576}}) {
      for (const Form form : forms) {
        MatmulCase one(dtype, size.rows, size.in, size.out, form);
        if (dtype == DType::f32 && !library) {
          CHECK_THROWS_WITH_AS(matmul.run(one.call), doctest::Contains("libcublasLt"), Error);
          continue;
        }
        matmul.run(one.call);  // measures
        CHECK_MESSAGE(one.mistake().empty(), one.mistake());
        one.reset();
        matmul.run(one.call);
        CHECK_MESSAGE(one.mistake().empty(), one.mistake());
      }
    }
  }
  for (const std::string& line : matmul.report()) {
    std::printf("%s\n", line.c_str());
    CHECK(line.find("wrong") == std::string::npos);
  }
}

TEST_CASE("the next run reads the choice from the file; without the file it measures") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  MatmulCase one(DType::f16, 50, 192, 576, {.norm = true});
  std::vector<std::string> report;
  {
    Matmul matmul(streams.ops());
    CHECK(choices_of(matmul).empty());
    matmul.run(one.call);
    report = choices_of(matmul);
    REQUIRE(report.size() == 1);
    CHECK(report[0].starts_with("rows 50 in 192 out 576 f16 norm: "));
  }
  REQUIRE(folder.files().size() == 1);
  one.reset();
  Matmul next(streams.ops());
  next.run(one.call);
  CHECK(choices_of(next) == report);  // including the times: nothing was measured again
  CHECK_MESSAGE(one.mistake().empty(), one.mistake());
}

TEST_CASE("a stored candidate that does not exist is measured again") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  MatmulCase one(DType::f16, 50, 192, 576, {.activation = Activation::gelu_erf});
  Matmul(streams.ops()).run(one.call);
  REQUIRE(folder.files().size() == 1);
  const std::string path = folder.files()[0].string();
  std::ifstream file(path);
  std::string title, versions;
  std::getline(file, title);
  std::getline(file, versions);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const TuningChoices choices = parse_choices(title + '\n' + versions + '\n' + text, versions);
  REQUIRE(choices.size() == 1);
  const auto& [shape, choice] = *choices.begin();
  TuningChoice wrong_engine = choice, wrong_name = choice;
  wrong_engine.engine = "none";
  wrong_name.candidate = "1.2.3";
  for (const TuningChoice& wrong : {wrong_engine, wrong_name}) {
    TuningCache(path, versions).add(shape, wrong);
    one.reset();
    Matmul matmul(streams.ops());
    matmul.run(one.call);
    CHECK_MESSAGE(one.mistake().empty(), one.mistake());
    CHECK(TuningCache(path, versions).find(shape)->engine != "none");
    CHECK(TuningCache(path, versions).find(shape)->candidate != "1.2.3");
  }
  // A choice stored without cuBLASLt.
  TuningChoice alone = choice;
  alone.engine = "mma";
  alone.library = 0;
  TuningCache(path, versions).add(shape, alone);
  Matmul(streams.ops()).run(one.call);
  CHECK(TuningCache(path, versions).find(shape)->library == choice.library);
}

TEST_CASE("while the stream is captured nothing is measured") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  for (const DType dtype : {DType::f16, DType::f32}) {
    Matmul matmul(streams.ops());
    std::string reason;
    if (dtype == DType::f32 && make_cublas_lt_engine(streams.ops(), reason) == nullptr) continue;
    MatmulCase one(dtype, 50, 192, 576, {.accumulate = true});
    const cudaStream_t stream = streams.ops().stream;
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
    matmul.run(one.call);
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream, &graph), "capture");
    CHECK(choices_of(matmul).empty());
    CHECK(folder.files().empty());
    cudaGraphExec_t executable = nullptr;
    check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
    CHECK_MESSAGE(one.mistake().empty(), one.mistake());
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
    one.reset();
    matmul.run(one.call);  // measures
    CHECK(choices_of(matmul).size() == 1);
    CHECK_MESSAGE(one.mistake().empty(), one.mistake());
    fs::remove_all(folder.path);
  }
}
