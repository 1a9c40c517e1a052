// The mma engine, every configuration, against products in double precision.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "tests/ops/cuda/mma_support.h"

using namespace quantring;
using namespace quantring::test;

namespace {

struct Size {
  std::int64_t rows, in, out;
};

double gelu(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_erf:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::gelu_quick:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::none:
      break;
  }
  return x;
}

double rounding(DType dtype) {  // half a unit in the last place, relative
  return dtype == DType::f16 ? 0x1p-11 : dtype == DType::bf16 ? 0x1p-8 : 0x1p-24;
}

// The form of one product, apart from its size.
struct Form {
  Activation activation = Activation::none;
  bool accumulate = false, bias = true, f32_y = false;
};

// One layer with its input on both sides, and x W^T in double of some of the rows.
class Layer {
 public:
  Layer(Size size, DType dtype) : size_(size), dtype_(dtype) {
    std::mt19937 random(static_cast<unsigned>(size.rows * 7 + size.in * 3 + size.out));
    std::normal_distribution<float> normal;
    const auto values = [&](std::int64_t count, float scale) {
      std::vector<float> v(static_cast<std::size_t>(count));
      for (float& x : v) x = scale * normal(random);
      return v;
    };
    const std::vector<float> x = rounded(values(size.rows * size.in, 1), dtype);
    const float scale = 1 / std::sqrt(static_cast<float>(size.in));
    const std::vector<float> w = rounded(values(size.out * size.in, 2 * scale), dtype);
    bias_ = values(size.out, 1);
    y_ = rounded(values(size.rows * size.out, 1), dtype);
    const auto to_device = [](const std::vector<float>& v, DType d) {
      const std::vector<std::byte> bytes = packed(v, d);
      return on_device<std::byte>(bytes.data(), bytes.size());
    };
    x_memory_ = to_device(x, dtype);
    for (cuda::DeviceLinear* layer : {&with_bias_, &without_}) {
      layer->in = size.in;
      layer->out = size.out;
      layer->dtype = dtype;
      layer->weights = to_device(w, dtype);
      layer->alpha = 0.5f;
    }
    with_bias_.bias = on_device<float>(bias_.data(), bias_.size());
    for (std::int64_t row = 0; row < size.rows; ++row) {
      const bool chosen = row < 2 || row >= size.rows - 2 || row % 37 == 15 || row % 64 == 0;
      if (chosen && (row < 128 || row % 5 == 0 || row >= size.rows - 2)) add_row(row, x, w);
    }
  }

  // Runs a configuration twice on y with known old values, or NaN if they must not matter, and
  // compares. False if the configuration does not support the product.
  bool matches(cuda::MatmulEngine& engine, const cuda::Queue& queue, const std::string& name,
               Form form) {
    const DType y_dtype = form.f32_y ? DType::f32 : dtype_;
    const auto count = static_cast<std::size_t>(size_.rows * size_.out);
    std::vector<std::byte> start =
        packed(form.accumulate ? y_ : std::vector<float>(count, std::nanf("")), y_dtype);
    constexpr std::size_t guard = 256;
    const std::size_t bytes = start.size();
    start.insert(start.begin(), guard, std::byte{0xa5});
    start.insert(start.end(), guard, std::byte{0x5a});
    cuda::MatmulCall call;
    call.x = x_memory_.get();
    call.x_dtype = dtype_;
    call.rows = size_.rows;
    call.layer = form.bias ? &with_bias_ : &without_;
    call.activation = form.activation;
    call.accumulate = form.accumulate;
    call.y_dtype = y_dtype;
    std::vector<std::byte> first, again(start.size());
    for (int time = 0; time < 2; ++time) {
      const auto y = on_device<std::byte>(start.data(), start.size());
      call.y = y.get() + guard;
      try {
        engine.run(call, name);
      } catch (const Error& error) {
        if (std::string(error.what()).find("has no configuration") != std::string::npos) {
          return false;
        }
        throw;
      }
      check(cudaStreamSynchronize(queue.stream), name.c_str());
      check(cudaMemcpy(again.data(), y.get(), again.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
      if (time == 0) first = again;
    }
    const auto shape = name + " of [" + std::to_string(size_.rows) + ", " +
                       std::to_string(size_.in) + "] x " + std::to_string(size_.out) + " " +
                       dtype_name(dtype_) + " -> " + dtype_name(y_dtype) + ", activation " +
                       std::to_string(static_cast<int>(form.activation)) + ", accumulate " +
                       std::to_string(form.accumulate);
    INFO(shape);
    const auto differs = std::mismatch(first.begin(), first.end(), again.begin()).first;
    CHECK_MESSAGE(differs == first.end(),
                  "the second time other bits, first at byte " << differs - first.begin());
    CHECK(std::memcmp(first.data(), start.data(), guard) == 0);
    CHECK(std::memcmp(first.data() + guard + bytes, start.data() + guard + bytes, guard) == 0);
    compare(unpacked(first.data() + guard, count, y_dtype), form, y_dtype);
    return true;
  }

 private:
  Size size_;
  DType dtype_;
  std::vector<float> bias_, y_;
  cuda::DeviceMemory<> x_memory_;
  cuda::DeviceLinear with_bias_, without_;
  std::vector<std::int64_t> rows_;
  std::vector<double> products_, slack_;  // [rows_, out]; slack: tolerance for rounding

  void add_row(std::int64_t row, const std::vector<float>& x, const std::vector<float>& w) {
    const auto in = static_cast<std::size_t>(size_.in);
    const float* const a = x.data() + row * size_.in;
    rows_.push_back(row);
    for (std::size_t column = 0; column < static_cast<std::size_t>(size_.out); ++column) {
      double sum = 0, magnitude = 0;
      for (std::size_t i = 0; i < in; ++i) {
        const double term = static_cast<double>(a[i]) * static_cast<double>(w[column * in + i]);
        sum += term;
        magnitude += std::abs(term);
      }
      products_.push_back(sum);
      slack_.push_back(0x1p-20 * magnitude);  // of sums in f32
    }
  }

  void compare(const std::vector<float>& y, Form form, DType y_dtype) const {
    CHECK(std::none_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
    int wrong = 0;
    double worst = 0;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (std::int64_t column = 0; column < size_.out; ++column) {
        const std::size_t i =
            r * static_cast<std::size_t>(size_.out) + static_cast<std::size_t>(column);
        const auto at = static_cast<std::size_t>(rows_[r] * size_.out + column);
        double expected = 0.5 * products_[i];
        if (form.bias) expected += static_cast<double>(bias_[static_cast<std::size_t>(column)]);
        const double before = std::abs(expected);
        expected = gelu(form.activation, expected);
        if (form.accumulate) expected += static_cast<double>(y_[at]);
        const double allowed = 0.6 * slack_[i] + 1e-6 * (1 + before) +
                               rounding(y_dtype) * 1.001 * std::abs(expected) + 0x1p-25;
        const double error = std::abs(static_cast<double>(y[at]) - expected);
        worst = std::max(worst, error / allowed);
        if (!(error <= allowed) && ++wrong <= 6) {
          MESSAGE("y[" << rows_[r] << ", " << column << "] is " << y[at] << " instead of "
                       << expected << " (within " << allowed << ")");
        }
      }
    }
    CHECK_MESSAGE(wrong == 0, wrong << " of " << rows_.size() * static_cast<std::size_t>(size_.out)
                                    << " are wrong");
  }
};

constexpr Size sizes[] = {{197, 768, 768},  {1, 768, 1000},  {7, 200, 8},      {50, 64, 192},
                          {197, 3072, 192}, {394, 192, 576}, {1576, 192, 192}, {33, 1280, 200},
                          {197, 200, 1001}, {130, 8, 3},     {577, 1024, 136}};

}  // namespace

TEST_CASE("every configuration of the mma engine computes x W^T") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  const auto engine = cuda::make_mma_engine(queue);
  const std::vector<std::string> names = mma_configurations();
  const Form forms[] = {{},
                        {Activation::none, true, true, false},
                        {Activation::gelu_erf, false, true, false},
                        {Activation::none, true, true, true},
                        {Activation::gelu_tanh, false, true, false},
                        {Activation::gelu_erf, false, false, true},
                        {Activation::gelu_quick, false, true, true}};
  constexpr std::size_t form_count = std::size(forms);
  std::size_t turn = 0, ran = 0;
  std::vector<int> fitted(names.size());
  for (const Size size : sizes) {
    for (const DType dtype : {DType::f16, DType::bf16}) {
      Layer layer(size, dtype);
      for (std::size_t i = 0; i < names.size(); ++i) {
        // All forms with the whole depth in one block, and in turn with a split depth.
        const bool whole = names[i].find_first_of("kc") == std::string::npos;
        for (std::size_t f = 0; f < (whole ? form_count : 1); ++f) {
          if (!layer.matches(*engine, queue, names[i], forms[turn++ % form_count])) break;
          ++ran;
          ++fitted[i];
        }
      }
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    const bool cluster = names[i].find('c') != std::string::npos;
    if (!cluster || queue.compute_capability >= 90) CHECK(fitted[i] > 0);
  }
  std::printf("%zu products\n", ran);
}

TEST_CASE("the mma engine offers no candidates for unsupported products") {
  if (!gpu_present()) return;
  const cuda::Queue queue = make_queue();
  const auto engine = cuda::make_mma_engine(queue);
  cuda::DeviceLinear layer;
  layer.in = 64;
  layer.out = 64;
  cuda::MatmulCall call;
  call.rows = 4;
  call.layer = &layer;
  const std::vector<std::string> names = engine->candidates(call);
  REQUIRE(!names.empty());
  CHECK(names.size() <= 12);
  layer.in = 60;
  CHECK(engine->candidates(call).empty());
  CHECK_THROWS_AS(engine->run(call, names[0]), Error);
  layer.in = 64;
  CHECK_THROWS_AS(engine->run(call, names[0] + "c9"), Error);
  CHECK_THROWS_AS(engine->run(call, ""), Error);
  call.norm = true;
  CHECK(engine->candidates(call).empty());
  call.norm = false;
  layer.dtype = DType::f32;
  CHECK(engine->candidates(call).empty());
}
