// The wgmma engine: candidate tiles for a call, tensor maps, launch.

#include <algorithm>
#include <stdexcept>

#include "ops/cuda/device/launch.h"
#include "ops/cuda/device/tensor_map.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/wgmma/wgmma_tile.cuh"

namespace quantring::cuda {
namespace {

bool aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

class WgmmaEngine : public MatmulEngine {
 public:
  explicit WgmmaEngine(const Queue& queue) : queue_(queue) {}

  const char* name() const override { return "wgmma"; }

  std::vector<std::string> candidates(const MatmulCall& call) override {
    if (!possible(call)) return {};
    std::vector<std::pair<double, const char*>> found;
    for (const WgmmaChoice& choice : choices_of(call)) {
      if (kernel_of(call, choice) != nullptr)
        found.emplace_back(estimate(call, choice), choice.name);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> names;
    for (const auto& [time, name] : found) names.emplace_back(name);
    return names;
  }

  void run(const MatmulCall& call, const std::string& candidate) override {
    if (possible(call)) {
      for (const WgmmaChoice& choice : choices_of(call)) {
        const WgmmaKernel kernel = kernel_of(call, choice);
        if (candidate == choice.name && kernel != nullptr) return start(call, choice, kernel);
      }
    }
    throw Error("wgmma: no candidate " + candidate + " for this matrix product");
  }

  int sum_parts(const MatmulCall& call, const std::string& candidate) const override {
    if (!writes_sums(call)) return 0;
    for (const WgmmaChoice& choice : choices_of(call)) {
      if (candidate == choice.name) {
        return static_cast<int>(divide_up(call.layer->out, choice.columns));
      }
    }
    return 0;
  }

 private:
  static bool possible(const MatmulCall& call) {
    const DeviceLinear& layer = *call.layer;
    const bool norm_known = call.sums != nullptr && call.parts > 0 && layer.folded();
    return (!call.norm || norm_known) &&
           (layer.dtype == DType::f16 || layer.dtype == DType::bf16) &&
           call.x_dtype == layer.dtype && layer.in % 8 == 0 && layer.out % 8 == 0 &&
           call.rows > 0 && aligned(call.x) && aligned(call.y) && aligned(layer.weights.get()) &&
           (call.y_dtype == layer.dtype || call.y_dtype == DType::f32);
  }

  // An f32 y is added to in memory, so the kernel does not see the result.
  static bool writes_sums(const MatmulCall& call) {
    return cuda::writes_sums(call) && call.y_dtype == call.layer->dtype;
  }

  static std::span<const WgmmaChoice> choices_of(const MatmulCall& call) {
    return call.layer->dtype == DType::f16 ? wgmma_choices_f16() : wgmma_choices_bf16();
  }

  static WgmmaKernel kernel_of(const MatmulCall& call, const WgmmaChoice& choice) {
    const WgmmaEpilogue epilogue = call.accumulate                       ? WgmmaEpilogue::add
                                   : call.activation == Activation::none ? WgmmaEpilogue::plain
                                   : call.activation == Activation::gelu_erf
                                       ? WgmmaEpilogue::gelu_erf
                                       : WgmmaEpilogue::other_gelu;
    const auto& kernels = call.y_dtype == DType::f32 ? choice.to_f32 : choice.to_16;
    return kernels[static_cast<int>(epilogue)];
  }

  // Cycles of the busiest multiprocessor, roughly: 2048 products or 48 bytes of x and W a cycle,
  // and a fixed cost per tile.
  double estimate(const MatmulCall& call, const WgmmaChoice& choice) const {
    const std::int64_t tiles =
        divide_up(call.rows, choice.rows) * divide_up(call.layer->out, choice.columns);
    const std::int64_t waves = divide_up(tiles, queue_.multiprocessors);
    const double rows = choice.rows, columns = choice.columns, area = rows * columns;
    const double loaded =
        rows / (choice.share == Share::x ? 2 : 1) + columns / (choice.share == Share::w ? 2 : 1);
    const double step = std::max(area * 64 / 2048, loaded * 128 / 48);
    const double steps = static_cast<double>(divide_up(call.layer->in, 64));
    const double writing = 800 + area / 16;
    return static_cast<double>(waves) * (steps * step + (choice.ping_pong ? 0 : writing)) +
           (choice.ping_pong ? 2 * writing : 0);
  }

  static CUtensorMap map(const void* data, DType dtype, std::int64_t rows, std::int64_t columns,
                         int box_rows, int box_columns) {
    const std::size_t bytes = dtype_bytes(dtype);
    const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
    const cuuint64_t strides[] = {static_cast<cuuint64_t>(columns) * bytes};
    const cuuint32_t box[] = {static_cast<cuuint32_t>(box_columns),
                              static_cast<cuuint32_t>(box_rows)};
    const bool swizzled = static_cast<std::size_t>(box_columns) * bytes == 128;
    return tensor_map(data, dtype, sizes, strides, box,
                      swizzled ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
  }

  void start(const MatmulCall& call, const WgmmaChoice& choice, WgmmaKernel kernel) const {
    const DeviceLinear& layer = *call.layer;
    const int high = choice.share == Share::w ? 2 : 1, wide = choice.share == Share::x ? 2 : 1;
    WgmmaArguments arguments;
    arguments.rows = static_cast<int>(call.rows);
    arguments.in = static_cast<int>(layer.in);
    arguments.out = static_cast<int>(layer.out);
    arguments.steps = static_cast<int>(divide_up(layer.in, 64));
    arguments.row_units = static_cast<int>(divide_up(call.rows, choice.rows * high));
    arguments.column_units = static_cast<int>(divide_up(layer.out, choice.columns * wide));
    // Column by column within a row of tiles, so that x is read from memory once while all of W
    // stays in L2; in squares if W is too large for that.
    const bool small = static_cast<std::size_t>(layer.in * layer.out) * 2 < queue_.l2_bytes / 3;
    arguments.group = small ? 1 : 16;
    arguments.alpha = layer.alpha;
    arguments.bias = layer.bias.get();
    arguments.activation = call.activation;
    if (call.norm) {
      arguments.weight_sums = layer.weight_sums.get();
      arguments.row_sums = call.sums;
      arguments.parts = call.parts;
      arguments.eps = call.eps;
    }
    if (writes_sums(call)) arguments.sums_of_y = call.sums;
    const int units = arguments.row_units * arguments.column_units;
    const int grid = std::min(units, queue_.multiprocessors / choice.cluster) * choice.cluster;
    const int y_columns = call.y_dtype == DType::f32 ? choice.box_columns / 2 : choice.box_columns;
    launch(queue_, "the wgmma matrix product", kernel, dim3(static_cast<unsigned>(grid)),
           dim3(static_cast<unsigned>(choice.threads)),
           static_cast<std::size_t>(choice.shared_bytes),
           map(call.x, layer.dtype, call.rows, layer.in, choice.rows / wide, 64),
           map(layer.weights.get(), layer.dtype, layer.out, layer.in, choice.columns / high, 64),
           map(call.y, call.y_dtype, call.rows, layer.out, 16, y_columns), arguments);
  }

  const Queue& queue_;
};

}  // namespace

std::unique_ptr<MatmulEngine> make_wgmma_engine(const Queue& queue) {
  if (queue.compute_capability < 90) return nullptr;
  return std::make_unique<WgmmaEngine>(queue);
}

}  // namespace quantring::cuda
