#include "ops/cuda/matmul/cublas_lt_api.h"

#include "ops/cuda/device/dynamic_library.h"

namespace quantring::cuda::lt {
namespace {

constexpr std::size_t min_version = 120000;

// First the one that belongs to the CUDA runtime of this program.
LibraryFiles files() {
  constexpr bool cuda_13 = CUDART_VERSION >= 13000;
  return {{cuda_13 ? "libcublasLt.so.13" : "libcublasLt.so.12",
           cuda_13 ? "libcublasLt.so.12" : "libcublasLt.so.13"},
          "install CUDA's cuBLAS library"};
}

std::string version_text(std::size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100);
}

struct Loaded {
  Api api{};
  bool usable = false;
  std::string reason;
};

Loaded open() {
  Loaded loaded;
  Api& api = loaded.api;
  void* library = open_library(files(), loaded.reason);
  if (library == nullptr) return loaded;
  std::string missing;
  const auto find = [&](const char* name, auto*& function) {
    return find_function(library, name, function, missing);
  };
  const std::string needed =
      "; " + version_text(min_version) + " or newer is needed: update CUDA's cuBLAS library";
  if (find("cublasLtGetVersion", api.version) && api.version() < min_version) {
    loaded.reason = "libcublasLt is version " + version_text(api.version()) + needed;
    return loaded;
  }
  loaded.usable = api.version != nullptr && find("cublasLtGetStatusName", api.status_name) &&
                  find("cublasLtCreate", api.create) && find("cublasLtDestroy", api.destroy) &&
                  find("cublasLtMatmulDescCreate", api.operation_create) &&
                  find("cublasLtMatmulDescDestroy", api.operation_destroy) &&
                  find("cublasLtMatmulDescSetAttribute", api.operation_set) &&
                  find("cublasLtMatrixLayoutCreate", api.layout_create) &&
                  find("cublasLtMatrixLayoutDestroy", api.layout_destroy) &&
                  find("cublasLtMatmulPreferenceCreate", api.preference_create) &&
                  find("cublasLtMatmulPreferenceDestroy", api.preference_destroy) &&
                  find("cublasLtMatmulPreferenceSetAttribute", api.preference_set) &&
                  find("cublasLtMatmulAlgoGetHeuristic", api.heuristic) &&
                  find("cublasLtMatmulAlgoCheck", api.check) && find("cublasLtMatmul", api.matmul);
  if (!loaded.usable) loaded.reason = "libcublasLt cannot be used, " + missing + needed;
  return loaded;
}

}  // namespace

const Api* load(std::string& reason) {
  static const Loaded loaded = open();
  if (loaded.usable) return &loaded.api;
  reason = loaded.reason;
  return nullptr;
}

}  // namespace quantring::cuda::lt
