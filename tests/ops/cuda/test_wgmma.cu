// Every tile of the wgmma engine against products in double precision, computed by a plain kernel
// that is itself compared with the host.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "tests/ops/cuda/wgmma_support.cuh"

using namespace quantring;
using namespace quantring::test;

namespace {

__host__ __device__ double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5 * x * erfc(-x * 0.70710678118654752);
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
    case Activation::gelu_quick:
      return x / (1 + exp(-1.702 * x));
    case Activation::none:
      break;
  }
  return x;
}

struct Form {
  Activation activation = Activation::none;
  bool accumulate = false, bias = true, f32_y = false;
  float alpha = 1;
};

template <class T>
__global__ void reference(const T* x, const T* w, const float* bias, const float* old, Form form,
                          std::int64_t rows, std::int64_t in, std::int64_t out, float* y) {
  const std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (i >= rows * out) return;
  const T *row = x + i / out * in, *weights = w + i % out * in;
  double sum = 0;
  for (std::int64_t k = 0; k < in; ++k) {
    sum = fma(double{cuda::to_float(row[k])}, double{cuda::to_float(weights[k])}, sum);
  }
  sum = sum * double{form.alpha} + (bias == nullptr ? 0 : double{bias[i % out]});
  y[i] = static_cast<float>(activate(form.activation, sum) + (form.accumulate ? old[i] : 0.0));
}

std::vector<float> to_host(const void* device, std::size_t count, DType dtype) {
  std::vector<std::byte> bytes(count * dtype_bytes(dtype));
  check(cudaMemcpy(bytes.data(), device, bytes.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
  return unpacked(bytes.data(), count, dtype);
}

struct Problem {
  std::int64_t rows, in, out;
  DType dtype;
  Form form;

  DType y_dtype() const { return form.f32_y ? DType::f32 : dtype; }
  std::size_t count() const { return static_cast<std::size_t>(rows * out); }
  std::string text() const {
    std::ostringstream text;
    text << "[" << rows << ", " << in << "] x " << out << " " << dtype_name(dtype) << " -> "
         << dtype_name(y_dtype()) << ", activation " << static_cast<int>(form.activation)
         << (form.accumulate ? ", accumulating" : "") << (form.bias ? "" : ", no bias");
    return text.str();
  }
};

constexpr std::size_t guard = 1024;  // bytes on both sides of y

// A problem's tensors and the values expected.
struct Case {
  Problem problem;
  cuda::DeviceLinear layer;
  cuda::DeviceMemory<> x;
  std::vector<float> before, expected;  // before: what y holds
  std::vector<std::byte> start;         // old y, or NaN if it must not matter, between guards

  explicit Case(Problem p)
      : problem(p),
        layer(random_layer(p.in, p.out, p.dtype, p.form.bias, p.form.alpha, 1)),
        x(random_tensor(p.rows * p.in, p.dtype, 1.5f, 3)) {
    const auto narrow = random_tensor(p.rows * p.out, p.y_dtype(), 1, 4);
    before = to_host(narrow.get(), p.count(), p.y_dtype());
    const auto old_f32 = on_device<float>(before.data(), before.size());
    cuda::DeviceMemory<float> y(p.count());
    cuda::with_type(p.dtype, [&](auto type) {
      using T = decltype(type);
      reference<<<static_cast<unsigned>((p.count() + 255) / 256), 256>>>(
          reinterpret_cast<const T*>(x.get()), reinterpret_cast<const T*>(layer.weights.get()),
          layer.bias.get(), old_f32.get(), p.form, p.rows, p.in, p.out, y.get());
    });
    expected = to_host(y.get(), p.count(), DType::f32);
    start = p.form.accumulate ? packed(before, p.y_dtype())
                              : packed(std::vector<float>(p.count(), std::nanf("")), p.y_dtype());
    start.insert(start.begin(), guard, std::byte{0xA5});
    start.insert(start.end(), guard, std::byte{0x5A});
  }

  cuda::MatmulCall call(void* y) const {
    cuda::MatmulCall call;
    call.x = x.get();
    call.x_dtype = problem.dtype;
    call.rows = problem.rows;
    call.layer = &layer;
    call.activation = problem.form.activation;
    call.accumulate = problem.form.accumulate;
    call.y = y;
    call.y_dtype = problem.y_dtype();
    return call;
  }
};

void check_candidate(const Case& c, cuda::MatmulEngine& engine, const cuda::Queue& queue,
                     const std::string& name) {
  INFO(name << " of " << c.problem.text());
  const DType dtype = c.problem.y_dtype();
  const auto& start = c.start;
  const auto y = on_device<std::byte>(start.data(), start.size());
  const std::int64_t rows = c.problem.rows, out = c.problem.out;
  cuda::MatmulCall call = c.call(y.get() + guard);
  cuda::DeviceMemory<float2> sums(static_cast<std::size_t>(rows * cuda::max_sum_parts(out)));
  if (c.problem.form.accumulate) call.sums = sums.get();
  engine.run(call, name);
  check(cudaStreamSynchronize(queue.stream), name.c_str());
  std::vector<std::byte> bytes(start.size());
  check(cudaMemcpy(bytes.data(), y.get(), bytes.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
  CHECK(std::memcmp(bytes.data(), start.data(), guard) == 0);
  CHECK(std::memcmp(bytes.data() + bytes.size() - guard, start.data() + start.size() - guard,
                    guard) == 0);
  const std::vector<float> actual = unpacked(bytes.data() + guard, c.problem.count(), dtype);
  const double rounding = dtype == DType::f32 ? 0x1p-24 : dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
  int wrong = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double want = c.expected[i];
    // f32 sums of `in` products of size 1.5 / sqrt(in), and 1e-6 for the activation.
    const double allowed = (1.01 * rounding + 2e-6) * std::abs(want) + 2e-5;
    if (!(std::abs(actual[i] - want) <= allowed) && ++wrong <= 5) {
      const auto at = static_cast<std::int64_t>(i);
      MESSAGE("y[" << at / c.problem.out << ", " << at % c.problem.out << "] is " << actual[i]
                   << " instead of " << want);
    }
  }
  CHECK(wrong == 0);
  const int parts = engine.sum_parts(call, name);
  CHECK((parts > 0) == (c.problem.form.accumulate && !c.problem.form.f32_y));
  const std::vector<float> left =
      to_host(sums.get(), static_cast<std::size_t>(2 * parts * rows), DType::f32);
  for (std::int64_t row = 0; row < rows && parts > 0; ++row) {
    double sum = 0, squares = 0, left_sum = 0, left_squares = 0;
    for (std::int64_t column = 0; column < out; ++column) {
      const double value = actual[static_cast<std::size_t>(row * out + column)];
      sum += value;
      squares += value * value;
    }
    for (int part = 0; part < parts; ++part) {
      const auto at = static_cast<std::size_t>(2 * (part * rows + row));
      left_sum += double{left[at]};
      left_squares += double{left[at + 1]};
    }
    // Tolerance before rounding.
    if (!(std::abs(left_sum - sum) <= 4 * rounding * std::sqrt(squares) + 1e-4) ||
        !(std::abs(left_squares - squares) <= 2 * rounding * squares + 1e-4)) {
      ++wrong;
      MESSAGE("row " << row << " has " << sum << " and " << squares << ", the sums left are "
                     << left_sum << " and " << left_squares);
      if (wrong == 5) break;
    }
  }
  CHECK(wrong == 0);
}

void check_problem(cuda::MatmulEngine& engine, const cuda::Queue& queue, Problem problem) {
  const Case c(problem);
  const auto names = engine.candidates(c.call(c.x.get()));
  REQUIRE(!names.empty());
  for (const std::string& name : names) check_candidate(c, engine, queue, name);
}

}  // namespace

TEST_CASE("the reference kernel equals the host's product in double precision") {
  if (!gpu_present()) return;
  for (const Activation activation :
       {Activation::none, Activation::gelu_erf, Activation::gelu_tanh, Activation::gelu_quick}) {
    const bool accumulate = activation == Activation::none;
    const Case c({5, 40, 24, DType::f16, {activation, accumulate, true, false, 0.5f}});
    const auto x = to_host(c.x.get(), 5 * 40, DType::f16);
    const auto w = to_host(c.layer.weights.get(), 24 * 40, DType::f16);
    const auto bias = to_host(c.layer.bias.get(), 24, DType::f32);
    for (std::size_t i = 0; i < c.expected.size(); ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < 40; ++k) {
        sum += double{x[i / 24 * 40 + k]} * double{w[i % 24 * 40 + k]};
      }
      double want = activate(activation, 0.5 * sum + double{bias[i % 24]});
      if (accumulate) want += double{c.before[i]};
      CHECK(std::abs(c.expected[i] - want) <= 1e-6 * std::abs(want) + 1e-9);
    }
  }
}

TEST_CASE("every tile computes products of any number of rows, columns and depth") {
  cuda::Queue queue;
  const auto engine = wgmma_engine(queue);
  if (engine == nullptr) return;
  for (const std::int64_t rows : {1, 63, 64, 65, 127, 197}) {
    for (const std::int64_t in : {64, 200, 768}) {
      for (const std::int64_t out : {192, 1000}) {
        check_problem(*engine, queue, {rows, in, out, DType::f16, {}});
      }
    }
  }
  check_problem(*engine, queue, {1576, 3072, 768, DType::f16, {}});
  check_problem(*engine, queue, {6304, 192, 2304, DType::bf16, {}});  // several tiles a block
}

TEST_CASE("every tile computes every epilogue") {
  cuda::Queue queue;
  const auto engine = wgmma_engine(queue);
  if (engine == nullptr) return;
  const Form forms[] = {{Activation::gelu_erf},
                        {Activation::gelu_tanh, false, true, false, 0.25f},
                        {Activation::gelu_quick},
                        {Activation::gelu_erf, false, false},
                        {Activation::none, true},
                        {Activation::none, true, false, false, 0.5f},
                        {Activation::none, false, true, true},
                        {Activation::none, true, true, true, 0.25f}};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const Form& form : forms) {
      check_problem(*engine, queue, {197, 768, 1000, dtype, form});
      check_problem(*engine, queue, {1576, 192, 3072, dtype, form});
    }
  }
  check_problem(*engine, queue, {6304, 768, 768, DType::f16, {Activation::none, true}});
}

TEST_CASE("the engine offers no candidates for unsupported products") {
  cuda::Queue queue;
  const auto engine = wgmma_engine(queue);
  if (engine == nullptr) return;
  const Case c({64, 64, 64, DType::f16, {}});
  cuda::DeviceMemory<> y(64 * 64 * 4 + 16);
  cuda::MatmulCall call = c.call(y.get());
  CHECK(!engine->candidates(call).empty());
  CHECK_THROWS_AS(engine->run(call, "1x1"), Error);
  call.y = y.get() + 2;
  CHECK(engine->candidates(call).empty());
  call.y = y.get();
  call.norm = true;
  CHECK(engine->candidates(call).empty());
  const Case odd({64, 64, 100, DType::f16, {}});
  CHECK(engine->candidates(odd.call(y.get())).empty());
}
