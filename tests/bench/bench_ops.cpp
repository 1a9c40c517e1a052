// Times the ops of one Vision Transformer forward pass with random weights, and compares each with
// the peak rates of the machine.
//   bench_ops [vit_base|deit_tiny] [batch] [threads] [repeats]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "ops/attention.h"
#include "ops/embed.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "roof.h"

namespace quantring {
namespace {

struct Model {
  std::int64_t dim, heads, mlp_dim;
  std::int64_t depth = 12, tokens = 197, patch = 16, side = 224, classes = 1000;
};

// Random values in [-scale, scale].
class Values {
 public:
  Values(Shape shape, float scale) : shape_(shape) {
    std::uniform_real_distribution<float> uniform(-scale, scale);
    values_.resize(static_cast<std::size_t>(shape.elements()));
    for (float& value : values_) value = uniform(generator);
  }
  Tensor view() { return {values_.data(), DType::f32, shape_}; }

 private:
  static inline std::minstd_rand generator{1};
  Shape shape_;
  std::vector<float> values_;
};

struct Layer {
  Layer(Context& context, std::int64_t in, std::int64_t out)
      : weight({out, in}, 0.05f), bias({out}, 0.05f), linear(context, weight.view(), bias.view()) {}
  Values weight, bias;
  Linear linear;
};

struct Block {
  Block(Context& c, const Model& m)
      : qkv(c, m.dim, 3 * m.dim),
        proj(c, m.dim, m.dim),
        fc1(c, m.dim, m.mlp_dim),
        fc2(c, m.mlp_dim, m.dim) {}
  Layer qkv, proj, fc1, fc2;
};

// Time and work of one op over a forward pass.
struct Line {
  double seconds = 0, flops = 0, bytes = 0;
};

class Bench {
 public:
  Bench(const Model& model, std::int64_t batch, int threads)
      : m_(model), n_(batch), context_(threads) {
    for (std::int64_t i = 0; i < m_.depth; ++i) blocks_.emplace_back(context_, m_);
  }

  double forward() {
    const auto start = now();
    const double tokens = static_cast<double>(n_ * m_.tokens), dim = static_cast<double>(m_.dim);
    const double mlp = static_cast<double>(m_.mlp_dim), per_image = static_cast<double>(m_.tokens);
    const double patch_values = 3.0 * static_cast<double>(m_.patch * m_.patch);
    const float mean[] = {0.5f, 0.5f, 0.5f};
    time("patches", 0, 5 * tokens * patch_values, [&] {
      extract_patches(context_, pixels(), m_.patch, m_.patch, mean, mean, patches_.view());
    });
    time("patch linear", 2 * tokens * patch_values * dim, 0, [&] {
      linear(context_, patches_.view(), embed_.linear, Activation::none, embedded_.view());
    });
    time("assemble", 0, 12 * tokens * dim, [&] {
      assemble_tokens(context_, embedded_.view(), class_token_.view(), position_.view(), x_.view());
    });
    for (Block& b : blocks_) {
      norm();
      time("qkv", 6 * tokens * dim * dim, 0,
           [&] { linear(context_, h_.view(), b.qkv.linear, Activation::none, qkv_.view()); });
      time("attention", 4 * tokens * per_image * dim, 0,
           [&] { attention(context_, qkv_.view(), m_.heads, scratch_, h_.view()); });
      time("proj", 2 * tokens * dim * dim, 0,
           [&] { linear_add(context_, h_.view(), b.proj.linear, x_.view()); });
      norm();
      time("fc1 + gelu", 2 * tokens * dim * mlp, 0,
           [&] { linear(context_, h_.view(), b.fc1.linear, Activation::gelu_erf, mlp_.view()); });
      time("fc2", 2 * tokens * dim * mlp, 0,
           [&] { linear_add(context_, mlp_.view(), b.fc2.linear, x_.view()); });
    }
    norm();
    time("head", 2 * static_cast<double>(n_) * dim * 1000, 0, [&] {
      pool_token(context_, x_.view(), 0, pooled_.view());
      linear(context_, pooled_.view(), head_.linear, Activation::none, logits_.view());
    });
    return std::chrono::duration<double>(now() - start).count();
  }

  std::map<std::string, std::vector<Line>> lines;  // one entry a forward pass

  void next_pass() {
    for (auto& [name, line] : current_) lines[name].push_back(line);
    current_.clear();
  }

 private:
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

  void time(const char* name, double flops, double bytes, const std::function<void()>& op) {
    const auto start = now();
    op();
    Line& line = current_[name];
    line.seconds += std::chrono::duration<double>(now() - start).count();
    line.flops += flops;
    line.bytes += bytes;
  }

  void norm() {
    time("layer norm", 0, 8.0 * static_cast<double>(n_ * m_.tokens * m_.dim),
         [&] { layer_norm(context_, x_.view(), gamma_.view(), beta_.view(), 1e-6f, h_.view()); });
  }

  ConstTensor pixels() { return {pixels_.data(), DType::u8, {n_, 3, m_.side, m_.side}}; }

  Model m_;
  std::int64_t n_;
  Context context_;
  std::int64_t patch_count_ = m_.tokens - 1, patch_values_ = 3 * m_.patch * m_.patch;
  std::vector<std::uint8_t> pixels_ =
      std::vector<std::uint8_t>(static_cast<std::size_t>(n_ * 3 * m_.side * m_.side), 77);
  Values patches_{{n_ * patch_count_, patch_values_}, 1}, embedded_{{n_, patch_count_, m_.dim}, 1};
  Values class_token_{{1, m_.dim}, 1}, position_{{m_.tokens, m_.dim}, 1};
  Values x_{{n_, m_.tokens, m_.dim}, 1}, h_{{n_, m_.tokens, m_.dim}, 1};
  Values qkv_{{n_, m_.tokens, 3 * m_.dim}, 1}, mlp_{{n_, m_.tokens, m_.mlp_dim}, 1};
  Values gamma_{{m_.dim}, 1}, beta_{{m_.dim}, 1};
  Values pooled_{{n_, m_.dim}, 1}, logits_{{n_, m_.classes}, 1};
  Buffer scratch_{context_, attention_scratch_bytes(context_, n_, m_.tokens, m_.dim, m_.heads)};
  Layer embed_{context_, patch_values_, m_.dim}, head_{context_, m_.dim, m_.classes};
  std::vector<Block> blocks_;
  std::map<std::string, Line> current_;
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

int run(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "vit_base";
  const std::int64_t batch = argc > 2 ? std::atoll(argv[2]) : 1;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 1;
  const int repeats = argc > 4 ? std::atoi(argv[4]) : 7;
  if ((name != "vit_base" && name != "deit_tiny") || batch < 1 || repeats < 1) {
    std::fprintf(stderr, "usage: bench_ops [vit_base|deit_tiny] [batch] [threads] [repeats]\n");
    return 2;
  }
  const Model model = name == "vit_base" ? Model{768, 12, 3072} : Model{192, 3, 768};
  Bench bench(model, batch, threads);
  bench.forward();
  bench.next_pass();
  bench.lines.clear();
  std::vector<double> passes;
  for (int i = 0; i < repeats; ++i) {
    passes.push_back(bench.forward());
    bench.next_pass();
  }
  const double peak = bench::peak_gflops(), stream = bench::stream_gbytes();
  std::printf("%s, batch %lld, %d thread(s); roofs of one thread: %.0f GFLOP/s, %.1f GB/s\n",
              name.c_str(), static_cast<long long>(batch), threads, peak, stream);
  double flops = 0;
  for (const auto& [op, samples] : bench.lines) {
    std::vector<double> seconds;
    for (const Line& line : samples) seconds.push_back(line.seconds);
    const double s = median(seconds);
    flops += samples[0].flops;
    const bool compute = samples[0].flops > 0;
    const double rate = (compute ? samples[0].flops : samples[0].bytes) / s * 1e-9;
    std::printf("  %-13s %9.3f ms %8.1f %s %5.0f %% of roof\n", op.c_str(), s * 1e3, rate,
                compute ? "GFLOP/s" : "GB/s   ", 100 * rate / (compute ? peak : stream));
  }
  const double s = median(passes);
  std::printf("  %-13s %9.3f ms %8.1f GFLOP/s %5.0f %% of roof, %.2f images/s\n", "forward pass",
              s * 1e3, flops / s * 1e-9, 100 * flops / s * 1e-9 / peak,
              static_cast<double>(batch) / s);
  return 0;
}

}  // namespace
}  // namespace quantring

int main(int argc, char** argv) {
  return quantring::run(argc, argv);
}
