// Our declarations of cuBLASLt against NVIDIA's header, if there is one, and the messages
// for libraries that are missing or unusable. Needs no GPU.

#include "ops/cuda/matmul/cublas_lt_api.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "ops/cuda/device/dynamic_library.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#include <type_traits>

namespace lt = quantring::cuda::lt;

static_assert(lt::success == CUBLAS_STATUS_SUCCESS);
static_assert(lt::compute_f32 == CUBLAS_COMPUTE_32F);
static_assert(lt::transpose_none == CUBLAS_OP_N);
static_assert(lt::transpose == CUBLAS_OP_T);

static_assert(lt::operation_transpose_a == int{CUBLASLT_MATMUL_DESC_TRANSA});
static_assert(lt::operation_transpose_b == int{CUBLASLT_MATMUL_DESC_TRANSB});
static_assert(lt::operation_epilogue == int{CUBLASLT_MATMUL_DESC_EPILOGUE});
static_assert(lt::operation_bias_pointer == int{CUBLASLT_MATMUL_DESC_BIAS_POINTER});
static_assert(lt::operation_bias_data_type == int{CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE});

static_assert(lt::epilogue_none == unsigned{CUBLASLT_EPILOGUE_DEFAULT});
static_assert(lt::epilogue_bias == unsigned{CUBLASLT_EPILOGUE_BIAS});
static_assert(lt::epilogue_gelu == unsigned{CUBLASLT_EPILOGUE_GELU});
static_assert(lt::epilogue_gelu_bias == unsigned{CUBLASLT_EPILOGUE_GELU_BIAS});

static_assert(lt::preference_workspace_bytes == int{CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES});
static_assert(lt::preference_reductions == int{CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK});
static_assert(lt::preference_alignment_a == int{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES});
static_assert(lt::preference_alignment_b == int{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES});
static_assert(lt::preference_alignment_c == int{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES});
static_assert(lt::preference_alignment_d == int{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES});
static_assert(lt::preference_numerics == int{CUBLASLT_MATMUL_PREF_IMPL_MASK});

static_assert(lt::reduction_compute_type == unsigned{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});

static_assert(lt::numerics_fma == CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA);
static_assert(lt::numerics_any_instruction == CUBLASLT_NUMERICAL_IMPL_FLAGS_OP_TYPE_MASK);
static_assert(lt::numerics_sum_f32 == CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F);
static_assert(lt::numerics_input_f16 == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16F);
static_assert(lt::numerics_input_bf16 == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_16BF);
static_assert(lt::numerics_input_f32 == CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F);

static_assert(sizeof(lt::Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(std::is_same_v<decltype(lt::Algorithm::data), decltype(cublasLtMatmulAlgo_t::data)>);
using TheirResult = cublasLtMatmulHeuristicResult_t;
static_assert(sizeof(lt::HeuristicResult) == sizeof(TheirResult));
static_assert(offsetof(lt::HeuristicResult, workspace_bytes) ==
              offsetof(TheirResult, workspaceSize));
static_assert(offsetof(lt::HeuristicResult, state) == offsetof(TheirResult, state));
static_assert(offsetof(lt::HeuristicResult, waves) == offsetof(TheirResult, wavesCount));
static_assert(sizeof(lt::HeuristicResult::state) == sizeof(TheirResult::state));

// The functions have the same number of arguments, each of the same size and kind.
template <class Ours, class Theirs>
constexpr bool same_kind =
    sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> == std::is_pointer_v<Theirs>;
template <class Ours, class Theirs>
constexpr bool same_call = false;
template <class R, class... P, class TheirR, class... TheirP>
constexpr bool same_call<R (*)(P...), TheirR(TheirP...)> = [] {
  if constexpr (sizeof...(P) == sizeof...(TheirP)) {
    return same_kind<R, TheirR> && (same_kind<P, TheirP> && ...);
  } else {
    return false;
  }
}();
using lt::Api;
static_assert(same_call<decltype(Api::version), decltype(cublasLtGetVersion)>);
static_assert(same_call<decltype(Api::status_name), decltype(cublasLtGetStatusName)>);
static_assert(same_call<decltype(Api::create), decltype(cublasLtCreate)>);
static_assert(same_call<decltype(Api::destroy), decltype(cublasLtDestroy)>);
static_assert(same_call<decltype(Api::operation_create), decltype(cublasLtMatmulDescCreate)>);
static_assert(same_call<decltype(Api::operation_destroy), decltype(cublasLtMatmulDescDestroy)>);
static_assert(same_call<decltype(Api::operation_set), decltype(cublasLtMatmulDescSetAttribute)>);
static_assert(same_call<decltype(Api::layout_create), decltype(cublasLtMatrixLayoutCreate)>);
static_assert(same_call<decltype(Api::layout_destroy), decltype(cublasLtMatrixLayoutDestroy)>);
static_assert(
    same_call<decltype(Api::preference_create), decltype(cublasLtMatmulPreferenceCreate)>);
static_assert(
    same_call<decltype(Api::preference_destroy), decltype(cublasLtMatmulPreferenceDestroy)>);
static_assert(
    same_call<decltype(Api::preference_set), decltype(cublasLtMatmulPreferenceSetAttribute)>);
static_assert(same_call<decltype(Api::heuristic), decltype(cublasLtMatmulAlgoGetHeuristic)>);
static_assert(same_call<decltype(Api::check), decltype(cublasLtMatmulAlgoCheck)>);
static_assert(same_call<decltype(Api::matmul), decltype(cublasLtMatmul)>);
#endif

using quantring::cuda::find_function;
using quantring::cuda::open_library;

TEST_CASE("a missing library is named with the remedy") {
  std::string reason;
  CHECK(open_library({{"libquantring_none.so.13", "libquantring_none.so.12"}, "install it"},
                     reason) == nullptr);
  CHECK(reason ==
        "libquantring_none.so.13 (or libquantring_none.so.12) not found: install it, or set "
        "LD_LIBRARY_PATH to its folder");
}

TEST_CASE("a file that is not a library is reported as broken, not as missing") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "quantring_test_dynamic_library";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "libbroken.so.1";
  std::ofstream(path) << "not a library";
  std::string reason;
  CHECK(open_library({{"libquantring_none.so.13", path}, "install it"}, reason) == nullptr);
  CHECK(reason.starts_with(path + " cannot be loaded (" + path + ": "));
  CHECK(reason.ends_with("): install it"));
  CHECK(reason.find('\n') == std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("the second name is tried; a missing function is named") {
  std::string reason;
  void* library = open_library({{"libquantring_none.so.13", "libm.so.6"}, "install it"}, reason);
  REQUIRE_MESSAGE(library != nullptr, reason);
  double (*cosine)(double) = nullptr;
  REQUIRE(find_function(library, "cos", cosine, reason));
  CHECK(cosine(0) == 1);
  int (*none)() = nullptr;
  CHECK_FALSE(find_function(library, "quantring_none", none, reason));
  CHECK(reason == "it has no function quantring_none");
}

TEST_CASE("cuBLASLt is loaded, or the reason names it") {
  std::string reason;
  const quantring::cuda::lt::Api* api = quantring::cuda::lt::load(reason);
  if (api == nullptr) {
    CHECK(reason.find("libcublasLt") != std::string::npos);
    MESSAGE("not loaded: " << reason);
  } else {
    CHECK(api->version() >= 120000);
    CHECK(std::string(api->status_name(7)) == "CUBLAS_STATUS_INVALID_VALUE");
  }
}
