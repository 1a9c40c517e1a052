// Every op on a GPU against the same op on the CPU, for each precision.

#include "ops/attention.h"
#include "ops/embed.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/residual.h"
#include "tests/ops/cuda/gpu.h"

using namespace quantring;
using namespace quantring::test;

namespace {

struct Case {
  Precision precision;
  bool residual_f32;
};
constexpr Case cases[] = {{Precision::f32, false},
                          {Precision::f16, false},
                          {Precision::f16, true},
                          {Precision::bf16, false},
                          {Precision::bf16, true}};

// A context of each device, and tensors with the same values on both.
struct Pair {
  explicit Pair(Case c) : gpu(on_gpu(c.precision, c.residual_f32)) {}
  Context cpu{2};
  Context gpu;
  DType activation() const { return gpu.activation_dtype(); }
  DType residual() const { return gpu.residual_dtype(); }
};

struct Both {
  Both(Pair& pair, DType dtype, Shape shape, std::uint32_t seed, float scale = 1)
      : values(rounded(random_values(shape.elements(), seed, scale), dtype)),
        cpu(pair.cpu, values, DType::f32, shape),
        gpu(pair.gpu, values, dtype, shape) {}
  std::vector<float> values;
  OnDevice cpu, gpu;
};

struct Result {
  Result(Pair& pair, DType of_gpu, Shape shape)
      : cpu(pair.cpu, DType::f32, shape), gpu(pair.gpu, of_gpu, shape), dtype(of_gpu) {}
  void check(double absolute) const {
    check_near(gpu.values(), cpu.values(), 2 * rounding(dtype), absolute);
  }
  OnDevice cpu, gpu;
  DType dtype;
};

}  // namespace

TEST_CASE("layer_norm on a GPU equals the CPU's") {
  if (!have_gpu()) return;
  for (const Case c : cases) {
    Pair pair(c);
    for (const std::int64_t dim : {8, 192, 197, 256, 768, 1000, 1024, 1280, 2048, 2056}) {
      CAPTURE(dim);
      const Shape shape{7, dim};
      const Both x(pair, pair.residual(), shape, 1, 50), gamma(pair, DType::f32, {dim}, 2),
          beta(pair, DType::f32, {dim}, 3);
      const Result y(pair, pair.activation(), shape);
      layer_norm(pair.cpu, x.cpu, gamma.cpu, beta.cpu, 1e-6f, y.cpu);
      layer_norm(pair.gpu, x.gpu, gamma.gpu, beta.gpu, 1e-6f, y.gpu);
      y.check(2e-6);
      // In place.
      layer_norm(pair.cpu, x.cpu, gamma.cpu, beta.cpu, 1e-6f, x.cpu);
      layer_norm(pair.gpu, x.gpu, gamma.gpu, beta.gpu, 1e-6f, x.gpu);
      check_near(x.gpu.values(), x.cpu.values(), 2 * rounding(pair.residual()), 2e-6);
    }
  }
}

TEST_CASE("patches and tokens on a GPU equal the CPU's") {
  if (!have_gpu()) return;
  constexpr float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
  for (const Case c : cases) {
    Pair pair(c);
    for (const std::int64_t patch : {16, 14, 7}) {
      CAPTURE(patch);
      const std::int64_t side = 2 * patch, per_patch = 3 * patch * patch;
      std::vector<std::byte> pixels(static_cast<std::size_t>(2 * 3 * side * side));
      for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::byte>(i * 37);
      Buffer on_device(pair.gpu, pixels.size());
      upload(pair.gpu, pixels, on_device.data());
      const Shape shape{2, 3, side, side};
      const Result patches(pair, pair.activation(), {2 * 4, per_patch});
      extract_patches(pair.cpu, {pixels.data(), DType::u8, shape}, patch, patch, mean, std,
                      patches.cpu);
      extract_patches(pair.gpu, {on_device.data(), DType::u8, shape}, patch, patch, mean, std,
                      patches.gpu);
      patches.check(0);
      const Both floats(pair, DType::f32, shape, 4);
      extract_patches(pair.cpu, floats.cpu, patch, patch, {}, {}, patches.cpu);
      extract_patches(pair.gpu, floats.gpu, patch, patch, {}, {}, patches.gpu);
      patches.check(0);
    }
    for (const std::int64_t prefix : {0, 1, 5}) {
      CAPTURE(prefix);
      constexpr std::int64_t dim = 72, patches = 9;
      const Both embedded(pair, pair.activation(), {3, patches, dim}, 5),
          tokens_before(pair, DType::f32, {std::max<std::int64_t>(prefix, 1), dim}, 6),
          position(pair, DType::f32, {prefix + patches, dim}, 7);
      const Result tokens(pair, pair.residual(), {3, prefix + patches, dim});
      const auto before = [&](const OnDevice& all) {
        return prefix == 0 ? ConstTensor{}
                           : ConstTensor{all.tensor().data, DType::f32, {prefix, dim}};
      };
      assemble_tokens(pair.cpu, embedded.cpu, before(tokens_before.cpu), position.cpu, tokens.cpu);
      assemble_tokens(pair.gpu, embedded.gpu, before(tokens_before.gpu), position.gpu, tokens.gpu);
      tokens.check(0);
      const Both stream(pair, pair.residual(), {3, 11, dim}, 8);
      const Result pooled(pair, pair.residual(), {3, dim});
      pool_token(pair.cpu, stream.cpu, prefix, pooled.cpu);
      pool_token(pair.gpu, stream.gpu, prefix, pooled.gpu);
      pooled.check(0);
      pool_average(pair.cpu, stream.cpu, prefix, pooled.cpu);
      pool_average(pair.gpu, stream.gpu, prefix, pooled.gpu);
      pooled.check(1e-6);
    }
  }
}

TEST_CASE("linear layers on a GPU equal the CPU's") {
  if (!have_gpu()) return;
  for (const Case c : cases) {
    Pair pair(c);
    const Activation activations[] = {Activation::none, Activation::gelu_erf, Activation::gelu_tanh,
                                      Activation::gelu_quick};
    for (const std::int64_t rows : {1, 7, 197}) {
      for (const bool scaled : {false, true}) {
        CAPTURE(rows);
        CAPTURE(scaled);
        constexpr std::int64_t in = 192, out = 576;
        const auto weight = rounded(random_values(out * in, 9, 0.1f), pair.activation());
        const auto bias = rounded(random_values(out, 10), pair.activation());
        auto scale = random_values(out, 11, 1e-4f);
        const ConstTensor factors = scaled ? view(scale, {out}) : ConstTensor{};
        const Linear on_cpu(pair.cpu, view(weight, {out, in}), view(bias, {out}), factors);
        Linear on_gpu(pair.gpu, view(weight, {out, in}), view(bias, {out}), factors);
        const Both x(pair, pair.activation(), {rows, in}, 12);
        // Rounding of scaled weights, and with 16 bits of GELU's tanh form in the epilogue.
        const double absolute =
            pair.activation() == DType::f32 ? 4e-5 : 8 * rounding(pair.activation());
        for (const Activation activation : activations) {
          CAPTURE(static_cast<int>(activation));
          const Result y(pair, pair.activation(), {rows, out});
          linear(pair.cpu, x.cpu, on_cpu, activation, y.cpu);
          linear(pair.gpu, x.gpu, on_gpu, activation, y.gpu);
          y.check(absolute);
        }
        const Result logits(pair, DType::f32, {rows, out});
        linear(pair.cpu, x.cpu, on_cpu, Activation::none, logits.cpu);
        linear(pair.gpu, x.gpu, on_gpu, Activation::none, logits.gpu);
        logits.check(absolute);
        const Both stream(pair, pair.residual(), {rows, out}, 13, 20);
        linear_add(pair.cpu, x.cpu, on_cpu, stream.cpu);
        linear_add(pair.gpu, x.gpu, on_gpu, stream.gpu);
        check_near(stream.gpu.values(), stream.cpu.values(), 2 * rounding(pair.residual()),
                   absolute);

        // The end of one half of a block and the beginning of the next: a product added to the
        // stream, then norm and product, with the row sums in between where the device writes them;
        // then the same values without sums.
        const auto gain = random_values(out, 17), shift = random_values(out, 18);
        const auto next = [&](Context& context) {
          return NormLinear(context, view(weight, {in, out}), {}, view(gain, {out}),
                            view(shift, {out}), 1e-6f, Activation::gelu_erf);
        };
        const NormLinear next_on_cpu = next(pair.cpu), next_on_gpu = next(pair.gpu);
        on_gpu.set_reader(next_on_gpu);
        const Result normed(pair, pair.activation(), {rows, out}),
            y(pair, pair.activation(), {rows, in});
        Buffer none(pair.cpu, residual_scratch_bytes(pair.cpu, rows, out));
        Buffer scratch(pair.gpu, residual_scratch_bytes(pair.gpu, rows, out));
        Residual cpu_stream(stream.cpu, none), gpu_stream(stream.gpu, scratch);
        linear_residual(pair.cpu, x.cpu, on_cpu, cpu_stream);
        linear_residual(pair.gpu, x.gpu, on_gpu, gpu_stream);
        norm_linear(pair.cpu, cpu_stream, next_on_cpu, normed.cpu, y.cpu);
        norm_linear(pair.gpu, gpu_stream, next_on_gpu, normed.gpu, y.gpu);
        y.check(2 * absolute);
        gpu_stream.replace(stream.gpu);
        norm_linear(pair.gpu, gpu_stream, next_on_gpu, normed.gpu, y.gpu);
        y.check(2 * absolute);
      }
    }
  }
}

TEST_CASE("attention and its norms on a GPU equal the CPU's") {
  if (!have_gpu()) return;
  for (const Case c : cases) {
    Pair pair(c);
    for (const std::int64_t tokens : {1, 50, 197}) {
      CAPTURE(tokens);
      constexpr std::int64_t dim = 192, heads = 3;
      const Both qkv(pair, pair.activation(), {2, tokens, 3 * dim}, 17, 3),
          gamma(pair, DType::f32, {dim / heads}, 18), beta(pair, DType::f32, {dim / heads}, 19);
      const Result out(pair, pair.activation(), {2, tokens, dim});
      Buffer cpu_scratch(pair.cpu, attention_scratch_bytes(pair.cpu, 2, tokens, dim, heads));
      Buffer gpu_scratch(pair.gpu, attention_scratch_bytes(pair.gpu, 2, tokens, dim, heads));
      attention(pair.cpu, qkv.cpu, heads, cpu_scratch, out.cpu);
      attention(pair.gpu, qkv.gpu, heads, gpu_scratch, out.gpu);
      // Scores reach 30, where rounding in f32 changes weights by 1e-5.
      out.check(std::max(8 * rounding(pair.activation()), 1e-5));
      qk_norm(pair.cpu, qkv.cpu, heads, gamma.cpu, beta.cpu, gamma.cpu, beta.cpu, 1e-6f);
      qk_norm(pair.gpu, qkv.gpu, heads, gamma.gpu, beta.gpu, gamma.gpu, beta.gpu, 1e-6f);
      check_near(qkv.gpu.values(), qkv.cpu.values(), 2 * rounding(pair.activation()), 2e-6);
    }
  }
}
