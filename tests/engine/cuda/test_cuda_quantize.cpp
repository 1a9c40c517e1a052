// Quantizing and dequantizing on a GPU against engine/codec/codec.h on the CPU, bit for bit: every
// width, clip, dtype and kind of values, however blocks share an image.

#include <cuda_runtime_api.h>

#include <cstdio>
#include <map>
#include <memory>
#include <tuple>

#include <doctest/doctest.h>

#include "engine/codec/coder.h"
#include "ops/cuda/coding/coding.h"
#include "ops/cuda/coding/quantize.h"
#include "ops/cuda/device/error.h"
#include "tests/engine/cuda/coding_cases.h"

namespace quantring {
namespace {

using test::stored, test::value_kinds, test::values_of_kind, test::widened;

const int widths[] = {2, 3, 4, 5, 6, 7, 8, 16};
const DType dtypes[] = {DType::f32, DType::f16, DType::bf16};
const CodecId codecs[] = {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq, CodecId::ds_aciq_plus};

Clip clip_of(CodecId id) {
  if (id == CodecId::aciq) return Clip::aciq;
  if (id == CodecId::ds_aciq) return Clip::ds_aciq;
  return id == CodecId::ds_aciq_plus ? Clip::ds_aciq_plus : Clip::none;
}

// Its stream is the default one. False after saying so where there is no GPU.
bool make_queue(cuda::Queue& queue) {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
    std::printf("SKIPPED: no GPU\n");
    return false;
  }
  cudaDeviceProp facts{};
  cuda::check(cudaGetDeviceProperties(&facts, 0), "cudaGetDeviceProperties");
  queue.multiprocessors = facts.multiProcessorCount;
  queue.compute_capability = facts.major * 10 + facts.minor;
  return true;
}

// Device memory with a canary behind it.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes) {
    void* data = nullptr;
    cuda::check(cudaMalloc(&data, bytes + canary), "cudaMalloc");
    data_.reset(static_cast<std::byte*>(data));
    cuda::check(cudaMemset(data, 0xA5, bytes + canary), "cudaMemset");
  }
  std::byte* data() const { return data_.get(); }
  void write(const std::vector<std::byte>& source) {
    cuda::check(cudaMemcpy(data_.get(), source.data(), source.size(), cudaMemcpyHostToDevice),
                "cudaMemcpy");
  }
  std::vector<std::byte> read() const {
    std::vector<std::byte> all(bytes_ + canary);
    cuda::check(cudaMemcpy(all.data(), data_.get(), all.size(), cudaMemcpyDeviceToHost),
                "a kernel of the codecs");
    for (std::size_t i = bytes_; i < all.size(); ++i) CHECK(all[i] == std::byte{0xA5});
    all.resize(bytes_);
    return all;
  }

 private:
  static constexpr std::size_t canary = 64;
  struct Free {
    void operator()(std::byte* memory) const { cudaFree(memory); }
  };
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> data_;
};

// The first difference, for a report that can be understood without a GPU.
void check_bytes(const std::vector<std::byte>& made, const std::vector<std::byte>& expected) {
  REQUIRE(made.size() == expected.size());
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = made.size(); i-- > 0;) {
    if (made[i] == expected[i]) continue;
    ++wrong;
    first = i;
  }
  CAPTURE(wrong);
  CAPTURE(first);
  const int got = std::to_integer<int>(made[first]), due = std::to_integer<int>(expected[first]);
  CAPTURE(got);
  CAPTURE(due);
  CHECK(wrong == 0);
}

struct Case {
  std::vector<std::byte> source;
  std::vector<float> values;
  TensorShape shape;
  DType dtype;
};

Case make_case(const std::string& kind, TensorShape shape, DType dtype) {
  Case made{stored(values_of_kind(kind, shape.elements()), dtype), {}, shape, dtype};
  made.values = widened(made.source, dtype);
  return made;
}

std::vector<cuda::QuantizePlan> plans_for(const cuda::Queue& queue, ConstTensor values) {
  using Method = cuda::QuantizePlan::Method;
  std::vector<cuda::QuantizePlan> plans{
      cuda::plan_quantize(queue, values), {Method::kernels, 1, 1024}, {Method::kernels, 5, 96}};
  if (queue.compute_capability < 90) return plans;
  for (const auto& [blocks, threads] : {std::pair{1, 512}, {4, 256}, {8, 512}, {5, 96}}) {
    const cuda::QuantizePlan held{Method::held, blocks, threads};
    if (cuda::held_fits(held, values)) plans.push_back(held);
  }
  return plans;
}

void check_codec(const cuda::Queue& queue, const Case& given, CodecSpec spec) {
  CAPTURE(codec_text(spec));
  std::vector<std::byte> coded;
  encode(given.values, given.shape, spec, coded);
  std::vector<float> decoded(given.values.size());
  decode(coded, given.shape, decoded);
  const std::vector<std::byte> body(coded.begin() + coded_header_bytes, coded.end());

  const Shape rows{given.shape.images, given.shape.tokens, given.shape.dim};
  Memory source(given.source.size());
  source.write(given.source);
  Memory scratch(cuda::quantize_scratch_bytes(queue, rows[0], rows[1] * rows[2]));
  for (const auto& plan : plans_for(queue, {source.data(), given.dtype, rows})) {
    CAPTURE(static_cast<int>(plan.method));
    CAPTURE(plan.blocks);
    CAPTURE(plan.threads);
    Memory target(body.size());
    auto* const ranges = reinterpret_cast<GridRange*>(target.data());
    cuda::quantize_by(plan, queue, {source.data(), given.dtype, rows}, clip_of(spec.id), spec.bits,
                      scratch.data(), ranges, target.data() + 8 * rows[0]);
    check_bytes(target.read(), body);
  }
  Memory codes(body.size()), back(given.source.size());
  codes.write(body);
  cuda::dequantize(queue, reinterpret_cast<const GridRange*>(codes.data()),
                   codes.data() + 8 * rows[0], spec.bits, {back.data(), given.dtype, rows});
  check_bytes(back.read(), stored(decoded, given.dtype));
}

TEST_CASE("all kinds of values, all codecs, all widths") {
  cuda::Queue queue;
  if (!make_queue(queue)) return;
  for (const TensorShape shape :
       {TensorShape{1, 1, 1}, TensorShape{3, 7, 37}, TensorShape{8, 5, 13}, TensorShape{1, 16, 192},
        TensorShape{3, 50, 99}}) {
    for (const char* kind : value_kinds) {
      for (const DType dtype : dtypes) {
        const Case given = make_case(kind, shape, dtype);
        CAPTURE(kind);
        CAPTURE(dtype_name(dtype));
        CAPTURE(shape.images);
        CAPTURE(shape.dim);
        for (const CodecId id : codecs)
          for (const int bits : widths)
            check_codec(queue, given, {id, static_cast<std::uint8_t>(bits)});
      }
    }
  }
}

TEST_CASE("the residual stream of ViT-Base") {
  cuda::Queue queue;
  if (!make_queue(queue)) return;
  for (const std::uint32_t images : {1, 3, 8}) {
    const TensorShape shape{images, 197, 768};
    for (const DType dtype : {DType::f32, DType::f16}) {
      const Case given = make_case("outliers", shape, dtype);
      for (const CodecId id : codecs)
        for (const int bits : {2, 5, 8, 16})
          check_codec(queue, given, {id, static_cast<std::uint8_t>(bits)});
    }
  }
}

TEST_CASE("conversions, NaN included") {
  cuda::Queue queue;
  if (!make_queue(queue)) return;
  for (const std::int64_t count : {1, 255, 4096 + 3}) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::mt19937 random(7);
    for (float& x : values) x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    const auto f32 = stored(values, DType::f32);
    std::vector<std::byte> f16 = stored(values, DType::f16);
    Memory source(f32.size()), narrow(f16.size()), wide(f32.size()), copy(f32.size() - 1);
    source.write(f32);
    cuda::convert(queue, {source.data(), DType::f32, {count}},
                  {narrow.data(), DType::f16, {count}});
    check_bytes(narrow.read(), f16);
    // Every half, and so every NaN of them.
    for (std::size_t i = 0; i < f16.size(); ++i) f16[i] = static_cast<std::byte>(random());
    narrow.write(f16);
    cuda::convert(queue, {narrow.data(), DType::f16, {count}}, {wide.data(), DType::f32, {count}});
    check_bytes(wide.read(), stored(widened(f16, DType::f16), DType::f32));
    cuda::convert(queue, {source.data() + 1, DType::u8, {4 * count - 1}},
                  {copy.data(), DType::u8, {4 * count - 1}});
    check_bytes(copy.read(), {f32.begin() + 1, f32.end()});
  }
}

}  // namespace
}  // namespace quantring
