// Matrix products on a GPU against sums in double precision: every candidate of every engine, and
// the choice among them.

#include "ops/cuda/matmul.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "ops/cuda/error.h"
#include "ops/cuda/pack.h"
#include "ops/cuda/streams.h"
#include "ops/cuda/tuning_cache.h"
#include "tests/ops/cuda/gpu.h"

using namespace quantring;
using namespace quantring::cuda;
using namespace quantring::test;
namespace fs = std::filesystem;

namespace {

constexpr float eps = 1e-6f;

// Choices are remembered in a folder of the test's own.
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

std::vector<std::byte> bytes_of(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * dtype_bytes(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t narrow =
        dtype == DType::f16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
    if (dtype == DType::f32) {
      std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    } else {
      std::memcpy(bytes.data() + 2 * i, &narrow, 2);
    }
  }
  return bytes;
}

DeviceMemory<> on_gpu(const std::vector<float>& values, DType dtype) {
  const std::vector<std::byte> bytes = bytes_of(values, dtype);
  DeviceMemory<> memory(bytes.size());
  check(cudaMemcpy(memory.get(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "copy");
  return memory;
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::gelu_quick:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::none:
      break;
  }
  return x;
}

struct Form {
  Activation activation = Activation::none;
  bool accumulate = false, norm = false, bias = true;
  bool x_f32 = false, y_f32 = false;  // with weights of 16 bits
  bool folded = false;                // the norm's own weights in the layer's
};

const Form forms[] = {{},
                      {.bias = false},
                      {.y_f32 = true},
                      {.activation = Activation::gelu_erf},
                      {.activation = Activation::gelu_erf, .y_f32 = true},
                      {.activation = Activation::gelu_tanh},
                      {.activation = Activation::gelu_quick},
                      {.accumulate = true},
                      {.accumulate = true, .y_f32 = true},
                      {.norm = true},
                      {.norm = true, .x_f32 = true},
                      {.norm = true, .folded = true},
                      {.norm = true, .bias = false, .folded = true},
                      {.norm = true, .x_f32 = true, .folded = true},
                      {.activation = Activation::gelu_erf, .norm = true, .folded = true},
                      {.activation = Activation::gelu_erf, .norm = true},
                      {.activation = Activation::gelu_erf, .norm = true, .x_f32 = true}};

// A call with its memory, and what must come of it.
class Case {
 public:
  Case(DType dtype, std::int64_t rows, std::int64_t in, std::int64_t out, Form form) : out_(out) {
    const DType x_dtype = form.x_f32 ? DType::f32 : dtype;
    y_dtype_ = form.y_f32 ? DType::f32 : dtype;
    std::vector<float> x = random_values(rows * in, 1, 2);
    for (float& value : x) value += 0.75f;  // a mean that a norm must take off
    x = rounded(x, x_dtype);
    const std::vector<float> weight = rounded(random_values(out * in, 2, 0.1f), dtype);
    const std::vector<float> bias = rounded(random_values(out, 3), dtype);
    const std::vector<float> gamma = random_values(in, 4), beta = random_values(in, 5, 0.5f);
    before_ = rounded(random_values(rows * out, 6, 2), y_dtype_);
    const InputNorm norm{view(gamma, {in}), view(beta, {in})};
    layer_ = pack(view(weight, {out, in}), form.bias ? view(bias, {out}) : ConstTensor{}, {},
                  form.folded ? norm : InputNorm{}, dtype);
    x_ = on_gpu(x, x_dtype);
    gamma_ = on_gpu(gamma, DType::f32);
    beta_ = on_gpu(beta, DType::f32);
    normed_ = DeviceMemory<>(static_cast<std::size_t>(rows * in) * dtype_bytes(dtype));
    call.x = x_.get();
    call.x_dtype = x_dtype;
    call.rows = rows;
    call.layer = layer_.get();
    call.activation = form.activation;
    call.accumulate = form.accumulate;
    call.y_dtype = y_dtype_;
    call.norm = form.norm;
    if (!layer_->folded()) {
      call.gamma = reinterpret_cast<const float*>(gamma_.get());
      call.beta = reinterpret_cast<const float*>(beta_.get());
    }
    call.eps = eps;
    call.normed = normed_.get();
    reset();

    // The result's rounding, and that of the norm; cuBLASLt rounds a product before it adds what
    // was there, or before a kernel of its own activates it; tensor cores cut off what they add.
    // And GELU's tanh form may stand for the exact one where the result is of 16 bits.
    const double unit = rounding(dtype), result_unit = rounding(y_dtype_);
    const double along_sum = form.norm && dtype != DType::f32 ? 4 * unit : 0x1p-18;
    const bool twice = form.accumulate || form.activation != Activation::none;
    const bool near_gelu = form.activation == Activation::gelu_erf && y_dtype_ != DType::f32;
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<double> row(x.begin() + r * in, x.begin() + (r + 1) * in);
      if (form.norm) normalise(row, gamma, beta);
      for (std::int64_t o = 0; o < out; ++o) {
        double sum = form.bias ? bias[static_cast<std::size_t>(o)] : 0, squares = sum * sum;
        for (std::int64_t i = 0; i < in; ++i) {
          const double term =
              row[static_cast<std::size_t>(i)] * weight[static_cast<std::size_t>(o * in + i)];
          sum += term;
          squares += term * term;
        }
        const double old = form.accumulate ? before_[expected_.size()] : 0;
        expected_.push_back(activated(form.activation, sum) + old);
        allowed_.push_back(1.1 * result_unit * (std::abs(expected_.back()) + std::abs(old)) +
                           (twice ? 1.1 * result_unit * std::abs(sum) : 0) +
                           along_sum * std::sqrt(squares) + (near_gelu ? 6e-4 : 0));
      }
    }
  }

  MatmulCall call;

  // As before the first run; never written elements are NaN where nothing is added.
  void reset() {
    y_ = on_gpu(call.accumulate ? before_ : std::vector<float>(before_.size(), std::nanf("")),
                y_dtype_);
    call.y = y_.get();
  }

  // "" if the result is right, else the worst element.
  std::string mistake() const {
    check(cudaDeviceSynchronize(), "a matrix product");
    std::vector<std::byte> bytes(expected_.size() * dtype_bytes(y_dtype_));
    check(cudaMemcpy(bytes.data(), call.y, bytes.size(), cudaMemcpyDeviceToHost), "copy");
    double worst = 1;
    std::string text;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      float got = 0;
      std::uint16_t narrow = 0;
      if (y_dtype_ == DType::f32) {
        std::memcpy(&got, bytes.data() + 4 * i, 4);
      } else {
        std::memcpy(&narrow, bytes.data() + 2 * i, 2);
        got = y_dtype_ == DType::f16 ? half_to_float(narrow) : bfloat16_to_float(narrow);
      }
      const double error = std::abs(got - expected_[i]) / allowed_[i];
      if (error <= worst) continue;
      worst = error;
      text = "row " + std::to_string(static_cast<std::int64_t>(i) / out_) + " column " +
             std::to_string(static_cast<std::int64_t>(i) % out_) + ": " + std::to_string(got) +
             ", not " + std::to_string(expected_[i]) + "; " + std::to_string(error) +
             " times what is allowed";
      if (!(error > worst)) break;  // NaN
    }
    return text;
  }

 private:
  static void normalise(std::vector<double>& row, const std::vector<float>& gamma,
                        const std::vector<float>& beta) {
    double mean = 0, variance = 0;
    for (const double v : row) mean += v / static_cast<double>(row.size());
    for (const double v : row)
      variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] =
          (row[i] - mean) / std::sqrt(variance + static_cast<double>(eps)) * gamma[i] + beta[i];
    }
  }

  std::int64_t out_;
  DType y_dtype_;
  std::vector<float> before_;
  std::unique_ptr<DeviceLinear> layer_;
  DeviceMemory<> x_, y_, gamma_, beta_, normed_;
  std::vector<double> expected_, allowed_;
};

// The lines of the report that are choices; one more may say that a library is missing.
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
        Case one(dtype, size.rows, size.in, size.out, form);
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

TEST_CASE("a name that is no candidate is refused") {
  if (!have_gpu()) return;
  const Streams streams(0);
  const Case one(DType::f16, 64, 64, 64, {});
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

TEST_CASE("whatever is chosen computes the product; what is added to is not disturbed") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  Matmul matmul(streams.ops());
  std::string reason;
  const bool library = make_cublas_lt_engine(streams.ops(), reason) != nullptr;
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32}) {
    for (const Size size : {Size{1, 192, 1000}, Size{197, 192, 576}}) {
      for (const Form form : forms) {
        Case one(dtype, size.rows, size.in, size.out, form);
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

TEST_CASE("the next run takes the choice from the file; without the file it measures") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  Case one(DType::f16, 50, 192, 576, {.norm = true, .folded = true});
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
  CHECK(choices_of(next) == report);  // its microseconds too: they were not measured again
  CHECK_MESSAGE(one.mistake().empty(), one.mistake());
}

TEST_CASE("a choice in the file that does not exist is measured again") {
  if (!have_gpu()) return;
  const CacheFolder folder;
  const Streams streams(0);
  Case one(DType::f16, 50, 192, 576, {.activation = Activation::gelu_erf});
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
  TuningChoice wrong_engine = choice, wrong_name = choice, wrong_norm = choice;
  wrong_engine.engine = "none";
  wrong_name.candidate = "1.2.3";
  wrong_norm.norm_apart = true;
  for (const TuningChoice& wrong : {wrong_engine, wrong_name, wrong_norm}) {
    TuningCache(path, versions).add(shape, wrong);
    one.reset();
    Matmul matmul(streams.ops());
    matmul.run(one.call);
    CHECK_MESSAGE(one.mistake().empty(), one.mistake());
    CHECK(TuningCache(path, versions).find(shape)->engine != "none");
    CHECK(TuningCache(path, versions).find(shape)->candidate != "1.2.3");
    CHECK_FALSE(TuningCache(path, versions).find(shape)->norm_apart);
  }
  // One from when there was no cuBLASLt.
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
    Case one(dtype, 50, 192, 576, {.accumulate = true});
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
    matmul.run(one.call);  // and now it is
    CHECK(choices_of(matmul).size() == 1);
    CHECK_MESSAGE(one.mistake().empty(), one.mistake());
    fs::remove_all(folder.path);
  }
}
