// Matrix products by cuBLASLt. It is column-major: our [rows, columns] is its [columns, rows], so y
// = x W^T is computed as D = op(A) B with A = W [in, out] transposed, B = x [in, rows] and D = y
// [out, rows]; the bias runs along D's rows, as its epilogues expect.

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <map>
#include <tuple>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/memory.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/matmul/cublas_lt_api.h"
#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {
namespace {

constexpr std::size_t workspace_bytes = 64u << 20;
constexpr int max_candidates = 8;

// Suffix of a candidate's name: the activation is a separate kernel.
constexpr std::string_view apart = "+act";

cudaDataType data_type(DType dtype) {
  return dtype == DType::f16 ? CUDA_R_16F : dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// cuBLASLt's GELU is the tanh approximation with reduced accuracy. It differs from the exact one by
// up to 5e-4, the rounding of f16 for values from 1 up, so it is accepted for results of 16 bits.
// It costs its kernels almost nothing; a separate kernel takes half the time of the product.
bool has_epilogue(const MatmulCall& call) {
  return call.y_dtype != DType::f32 &&
         (call.activation == Activation::gelu_tanh || call.activation == Activation::gelu_erf);
}

// All fields of an algorithm, in hexadecimal without leading zeros: "42.0.1c.0.0.0.0.0".
std::string algorithm_name(const lt::Algorithm& algorithm) {
  std::string name;
  for (const std::uint64_t word : algorithm.data) {
    char text[24];
    std::snprintf(text, sizeof text, "%s%" PRIx64, name.empty() ? "" : ".", word);
    name += text;
  }
  return name;
}

bool parse_algorithm(std::string_view name, lt::Algorithm& algorithm) {
  const char *at = name.data(), *const end = at + name.size();
  for (std::size_t i = 0; i < std::size(algorithm.data); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const auto [next, error] = std::from_chars(at, end, algorithm.data[i], 16);
    if (error != std::errc() || next == at) return false;
    at = next;
  }
  return at == end;
}

class Engine final : public MatmulEngine {
 public:
  Engine(const Queue& queue, const lt::Api& api, lt::Context* context, DeviceMemory<> workspace)
      : queue_(queue), api_(api), context_(context), workspace_(std::move(workspace)) {}
  ~Engine() override {
    products_.clear();
    api_.destroy(context_);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const char* name() const override { return "cublaslt"; }

  std::vector<std::string> candidates(const MatmulCall& call) override {
    if (!computes(call)) return {};
    std::vector<std::string> names;
    const bool activation = call.activation != Activation::none;
    if (!activation || has_epilogue(call)) propose(product(call, true), "", names);
    if (activation && names.empty()) propose(product(call, false), apart, names);
    return names;
  }

  void run(const MatmulCall& call, const std::string& candidate) override {
    const bool activate_apart = candidate.ends_with(apart);
    const bool needed = call.activation != Activation::none;
    if (!computes(call) || (activate_apart ? !needed : needed && !has_epilogue(call))) {
      refuse(candidate);
    }
    const DeviceLinear& layer = *call.layer;
    Product& product = this->product(call, !activate_apart);
    const lt::Algorithm& algorithm = this->algorithm(product, candidate, activate_apart);
    const void* bias = call.y_dtype == DType::f32 ? static_cast<const void*>(layer.bias.get())
                                                  : layer.bias_16.get();
    if (bias != nullptr) set(product, lt::operation_bias_pointer, bias);
    const float alpha = layer.alpha, beta = call.accumulate ? 1.0f : 0.0f;
    check(api_.matmul(context_, product.operation, &alpha, layer.weights.get(), product.a, call.x,
                      product.b, &beta, call.y, product.d, call.y, product.d, &algorithm,
                      workspace_.get(), workspace_bytes, queue_.stream),
          "cublasLtMatmul");
    if (activate_apart) {
      activate(queue_, call.activation, call.y, call.y_dtype, call.rows * layer.out);
    }
  }

 private:
  // Descriptors for calls of one shape.
  struct Product {
    explicit Product(const lt::Api& functions) : api(functions) {}
    ~Product() {
      if (operation != nullptr) api.operation_destroy(operation);
      for (lt::Layout* layout : {a, b, d}) {
        if (layout != nullptr) api.layout_destroy(layout);
      }
    }
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;

    const lt::Api& api;
    DType dtype = DType::f16;
    lt::Operation* operation = nullptr;
    lt::Layout *a = nullptr, *b = nullptr, *d = nullptr;
    std::map<std::string, lt::Algorithm, std::less<>> algorithms;  // checked ones, by name
  };
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, DType, DType, lt::Epilogue>;

  void check(lt::Status status, const char* what) const {
    if (status != lt::success) {
      throw Error(std::string("CUDA: ") + what + " failed: " + api_.status_name(status));
    }
  }

  [[noreturn]] static void refuse(const std::string& candidate) {
    throw Error("cuBLASLt cannot compute this product with the algorithm " + candidate);
  }

  static bool computes(const MatmulCall& call) {
    const auto aligned = [](const void* data) {
      return reinterpret_cast<std::uintptr_t>(data) % alignment == 0;
    };
    const DType dtype = call.layer->dtype;
    return !call.norm && call.rows > 0 && call.x_dtype == dtype &&
           (call.y_dtype == dtype || call.y_dtype == DType::f32) && aligned(call.x) &&
           aligned(call.y) && aligned(call.layer->weights.get());
  }

  Product& product(const MatmulCall& call, bool with_activation) {
    const DeviceLinear& layer = *call.layer;
    const bool gelu = with_activation && call.activation != Activation::none;
    const bool bias = layer.bias.get() != nullptr;
    const lt::Epilogue epilogue = gelu ? (bias ? lt::epilogue_gelu_bias : lt::epilogue_gelu)
                                       : (bias ? lt::epilogue_bias : lt::epilogue_none);
    std::unique_ptr<Product>& entry =
        products_[{call.rows, layer.in, layer.out, layer.dtype, call.y_dtype, epilogue}];
    if (entry) return *entry;
    auto made = std::make_unique<Product>(api_);
    made->dtype = layer.dtype;
    check(api_.operation_create(&made->operation, lt::compute_f32, CUDA_R_32F),
          "cublasLtMatmulDescCreate");
    set(*made, lt::operation_transpose_a, lt::transpose);
    set(*made, lt::operation_transpose_b, lt::transpose_none);
    set(*made, lt::operation_epilogue, static_cast<std::uint32_t>(epilogue));
    if (bias) {
      set(*made, lt::operation_bias_data_type, static_cast<std::int32_t>(data_type(call.y_dtype)));
    }
    const auto layout = [&](lt::Layout*& target, DType dtype, std::int64_t rows,
                            std::int64_t columns) {
      check(api_.layout_create(&target, data_type(dtype), static_cast<std::uint64_t>(rows),
                               static_cast<std::uint64_t>(columns), rows),
            "cublasLtMatrixLayoutCreate");
    };
    layout(made->a, layer.dtype, layer.in, layer.out);
    layout(made->b, layer.dtype, layer.in, call.rows);
    layout(made->d, call.y_dtype, layer.out, call.rows);
    entry = std::move(made);
    return *entry;
  }

  template <class T>
  void set(Product& product, lt::OperationAttribute attribute, T value) const {
    check(api_.operation_set(product.operation, attribute, &value, sizeof value),
          "cublasLtMatmulDescSetAttribute");
  }

  // Appends the heuristic's best algorithms.
  void propose(Product& product, std::string_view suffix, std::vector<std::string>& names) {
    lt::Preference* made = nullptr;
    check(api_.preference_create(&made), "cublasLtMatmulPreferenceCreate");
    const auto destroy = [this](lt::Preference* p) { api_.preference_destroy(p); };
    const std::unique_ptr<lt::Preference, decltype(destroy)> preference(made, destroy);
    const auto prefer = [&](lt::PreferenceAttribute attribute, auto value) {
      check(api_.preference_set(preference.get(), attribute, &value, sizeof value),
            "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(lt::preference_workspace_bytes, static_cast<std::uint64_t>(workspace_bytes));
    prefer(lt::preference_reductions, static_cast<std::uint32_t>(lt::reduction_compute_type));
    for (const auto which : {lt::preference_alignment_a, lt::preference_alignment_b,
                             lt::preference_alignment_c, lt::preference_alignment_d}) {
      prefer(which, alignment);
    }
    // f32 is for checking: plain fused multiply-adds, whatever environment variables set.
    const std::uint64_t numerics =
        product.dtype == DType::f32
            ? lt::numerics_fma | lt::numerics_sum_f32 | lt::numerics_input_f32
            : lt::numerics_any_instruction | lt::numerics_sum_f32 | lt::numerics_input_f16 |
                  lt::numerics_input_bf16;
    prefer(lt::preference_numerics, numerics);
    std::array<lt::HeuristicResult, max_candidates> results{};
    int found = 0;
    // No algorithm for a shape is not an error.
    if (api_.heuristic(context_, product.operation, product.a, product.b, product.d, product.d,
                       preference.get(), max_candidates, results.data(), &found) != lt::success) {
      return;
    }
    for (int i = 0; i < found; ++i) {
      const lt::HeuristicResult& result = results[static_cast<std::size_t>(i)];
      if (result.state != lt::success || result.workspace_bytes > workspace_bytes) continue;
      names.push_back(algorithm_name(result.algorithm) + std::string(suffix));
      product.algorithms.emplace(names.back(), result.algorithm);
    }
  }

  // The algorithm of that name, which may come from a file: checked once.
  const lt::Algorithm& algorithm(Product& product, const std::string& candidate,
                                 bool activate_apart) {
    const auto known = product.algorithms.find(candidate);
    if (known != product.algorithms.end()) return known->second;
    std::string_view name = candidate;
    if (activate_apart) name.remove_suffix(apart.size());
    lt::Algorithm algorithm{};
    lt::HeuristicResult result{};
    if (!parse_algorithm(name, algorithm) ||
        api_.check(context_, product.operation, product.a, product.b, product.d, product.d,
                   &algorithm, &result) != lt::success ||
        result.workspace_bytes > workspace_bytes) {
      refuse(candidate);
    }
    return product.algorithms.emplace(candidate, algorithm).first->second;
  }

  // Of every matrix's first element, in bytes; cudaMalloc aligns to more.
  static constexpr std::uint32_t alignment = 16;

  const Queue& queue_;
  const lt::Api& api_;
  lt::Context* context_;
  DeviceMemory<> workspace_;
  std::map<Key, std::unique_ptr<Product>> products_;
};

}  // namespace

std::unique_ptr<MatmulEngine> make_cublas_lt_engine(const Queue& queue, std::string& reason) {
  const lt::Api* api = lt::load(reason);
  if (api == nullptr) return nullptr;
  DeviceMemory<> workspace;
  try {
    workspace = DeviceMemory<>(workspace_bytes);
  } catch (const Error& error) {
    reason = std::string("libcublasLt has no memory for its workspace: ") + error.what();
    return nullptr;
  }
  lt::Context* context = nullptr;
  if (const lt::Status status = api->create(&context); status != lt::success) {
    reason = std::string("libcublasLt does not start (") + api->status_name(status) +
             "): it must match the driver, and the GPU must have free memory";
    return nullptr;
  }
  return std::make_unique<Engine>(queue, *api, context, std::move(workspace));
}

}  // namespace quantring::cuda
