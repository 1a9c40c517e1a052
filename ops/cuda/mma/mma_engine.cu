// The mma engine: candidate tile shapes for a product, and their launch.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/device/memory.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/mma/mma_product.h"

namespace quantring::cuda {

std::string mma::configuration_name(int shape, int parts, int cluster) {
  const Shape s = shapes[shape];
  char text[64];
  const int end = std::snprintf(text, sizeof text, "%dx%ds%dw%d", s.rows, s.columns, s.stages,
                                s.threads() / 32);
  if (cluster > 1 || parts > 1) {
    std::snprintf(text + end, sizeof text - static_cast<std::size_t>(end), "%c%d",
                  cluster > 1 ? 'c' : 'k', std::max(cluster, parts));
  }
  return text;
}

namespace {

using namespace mma;

constexpr std::size_t max_partials = std::size_t{16} << 20;  // bytes
constexpr int max_tiles = 4096;  // of a product split along the depth through memory
constexpr std::size_t max_whole = 7, max_cut = 5;  // candidates of each kind

struct Candidate {
  int shape = 0;
  int parts = 1;    // that the depth is split into
  int cluster = 1;  // the same, or 1 if they are added through memory
  double cost = 0;

  std::string name() const { return configuration_name(shape, parts, cluster); }
};

std::int64_t cut(std::int64_t size, std::int64_t piece) {
  return (size + piece - 1) / piece;
}

bool aligned(const void* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;
}

class MmaEngine final : public MatmulEngine {
 public:
  explicit MmaEngine(const Queue& queue)
      : queue_(queue), partials_(max_partials / sizeof(float)), arrivals_(max_tiles) {}

  const char* name() const override { return "mma"; }

  std::vector<std::string> candidates(const MatmulCall& call) override {
    if (!computes(call)) return {};
    std::vector<Candidate> whole, in_parts;
    for (int i = 0; i < shape_count; ++i) {
      for (int parts = 1; parts <= max_parts; ++parts) {
        // A cluster is always faster than memory.
        Candidate c{i, parts, queue_.compute_capability >= 90 ? parts : 1};
        if (!fits(call, c)) continue;
        c.cost = cost(call, c);
        (parts == 1 ? whole : in_parts).push_back(c);
      }
    }
    const auto cheaper = [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; };
    std::stable_sort(whole.begin(), whole.end(), cheaper);
    std::stable_sort(in_parts.begin(), in_parts.end(), cheaper);
    whole.resize(std::min(whole.size(), max_whole));
    in_parts.resize(std::min(in_parts.size(), max_cut));
    whole.insert(whole.end(), in_parts.begin(), in_parts.end());
    std::stable_sort(whole.begin(), whole.end(), cheaper);
    std::vector<std::string> names;
    for (const Candidate& c : whole) names.push_back(c.name());
    return names;
  }

  void run(const MatmulCall& call, const std::string& name) override {
    if (call.rows == 0) return;
    const Candidate c = parse(name);
    if (c.shape < 0 || !computes(call) || !fits(call, c)) {
      throw Error("the mma engine has no configuration " + name + " for this product");
    }
    start(call, c);
  }

 private:
  const Queue& queue_;
  DeviceMemory<float> partials_;
  DeviceMemory<unsigned> arrivals_;

  // shape: -1 for an unknown name.
  static Candidate parse(const std::string& name) {
    const std::size_t at = name.find_first_of("kc");
    const int parts = at == std::string::npos ? 1 : std::atoi(name.c_str() + at + 1);
    for (int i = 0; i < shape_count; ++i) {
      const Candidate c{i, parts, parts > 1 && name[at] == 'c' ? parts : 1};
      if (c.name() == name) return c;
    }
    return {-1};
  }

  bool computes(const MatmulCall& call) const {
    const DeviceLinear& layer = *call.layer;
    return queue_.compute_capability >= 80 && !call.norm && layer.dtype != DType::f32 &&
           call.x_dtype == layer.dtype &&
           (call.y_dtype == DType::f32 || call.y_dtype == layer.dtype) && layer.in % 8 == 0 &&
           layer.in > 0 && layer.out > 0 && call.rows <= 1 << 22 && layer.out <= 1 << 20 &&
           layer.in <= 1 << 20 && aligned(call.x, 16);
  }

  bool fits(const MatmulCall& call, const Candidate& c) const {
    const Shape s = shapes[c.shape];
    if (shared_bytes(s) > queue_.shared_bytes_per_block) return false;
    if (c.parts < 1 || c.parts > std::min(max_parts, steps(static_cast<int>(call.layer->in)))) {
      return false;
    }
    if (c.cluster > 1) return queue_.compute_capability >= 90;
    const std::int64_t tiles = cut(call.rows, s.rows) * cut(call.layer->out, s.columns);
    const std::int64_t sums = c.parts * tiles * s.rows * s.columns * s.warps_k;
    return c.parts == 1 ||
           (tiles <= max_tiles && static_cast<std::size_t>(sums) <= partials_.count());
  }

  // In clocks, roughly as measured on an H100: the blocks of a multiprocessor share its tensor
  // cores and its bandwidth from L2, and each block has a latency for every step.
  double cost(const MatmulCall& call, const Candidate& c) const {
    const Shape s = shapes[c.shape];
    const int warps = s.threads() / 32;
    const double area = s.rows * s.columns;
    const double blocks =
        static_cast<double>(cut(call.rows, s.rows) * cut(call.layer->out, s.columns) * c.parts);
    const double depth_steps =
        static_cast<double>(cut(steps(static_cast<int>(call.layer->in)), c.parts));
    const double together =
        std::max(1.0, std::floor(std::min(static_cast<double>(queue_.shared_bytes_per_block) /
                                              (shared_bytes(s) + 1024),
                                          16.0 / warps)));
    const double waves = std::ceil(blocks / (queue_.multiprocessors * together));
    const double busiest = std::ceil(blocks / queue_.multiprocessors);
    const double alone = 200 + area / 9;
    const double bytes = (s.rows + s.columns) * 128.0;
    const double shared = std::max(area / 13, bytes / (area <= 1024 ? 57 : 38));
    double time = depth_steps * std::max(waves * alone, busiest * shared) + waves * 2000;
    if (c.cluster > 1) {
      time += 3800;  // starting clusters, two cluster barriers
    } else if (c.parts > 1) {
      time += 3800 + c.parts * area * s.warps_k / 10;
    }
    return time;
  }

  void start(const MatmulCall& call, const Candidate& c) {
    const DeviceLinear& layer = *call.layer;
    const Shape s = shapes[c.shape];
    Product p{};
    p.x = call.x;
    p.weights = layer.weights.get();
    p.bias = layer.bias.get();
    p.y = call.y;
    p.rows = static_cast<int>(call.rows);
    p.in = static_cast<int>(layer.in);
    p.out = static_cast<int>(layer.out);
    p.alpha = layer.alpha;
    p.activation = call.activation;
    p.accumulate = call.accumulate;
    p.f32_y = call.y_dtype == DType::f32;
    p.vector_y = layer.out % 4 == 0 && aligned(call.y, p.f32_y ? 16 : 8);
    p.cluster = c.cluster;
    p.partials = partials_.get();
    p.arrivals = arrivals_.get();
    const Kernel kernel = layer.dtype == DType::f16 ? kernel_f16(c.shape) : kernel_bf16(c.shape);
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                               cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes(s)),
          "the mma product");

    // Like launch(), with a cluster size.
    cudaLaunchAttribute attributes[2]{};
    attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[0].val.programmaticStreamSerializationAllowed = 1;
    attributes[1].id = cudaLaunchAttributeClusterDimension;
    attributes[1].val.clusterDim.x = attributes[1].val.clusterDim.y = 1;
    attributes[1].val.clusterDim.z = static_cast<unsigned>(c.cluster);
    cudaLaunchConfig_t config{};
    config.attrs = attributes;
    config.numAttrs = queue_.compute_capability < 90 ? 0u : c.cluster == 1 ? 1u : 2u;
    config.gridDim =
        dim3(static_cast<unsigned>(cut(call.rows, s.rows)),
             static_cast<unsigned>(cut(layer.out, s.columns)), static_cast<unsigned>(c.parts));
    config.blockDim = dim3(static_cast<unsigned>(s.threads()));
    config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes(s));
    config.stream = queue_.stream;
    check(cudaLaunchKernelEx(&config, kernel, p), "the mma product");
  }
};

}  // namespace

std::unique_ptr<MatmulEngine> make_mma_engine(const Queue& queue) {
  return std::make_unique<MmaEngine>(queue);
}

}  // namespace quantring::cuda
