#include "tests/bench/gpu/klt_bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "engine/codec/coder.h"
#include "engine/codec/klt/klt_device.h"
#include "engine/model/random_model.h"
#include "engine/stage/stage_runner.h"
#include "ops/cuda/transform/transform.h"
#include "ops/half.h"
#include "ops/transfer.h"
#include "tests/support/klt_tables.h"

using namespace quantring;

namespace {

constexpr CodecSpec klt1{CodecId::klt, 4}, ptq8{CodecId::ptq, 8};
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::unique_ptr<ModelFile> random_model(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("quantring-bench-" + std::to_string(::getpid()) + ".safetensors");
  write_random_model(path, named_architecture(name), StorageType::f16, 1);
  auto model = std::make_unique<ModelFile>(path);
  std::filesystem::remove(path);  // the mapping keeps it
  return model;
}

// Median images a second of a stage that takes `coded` and gives the same codec.
double throughput(Context& context, const ModelFile& model, StageRange range, CodecSpec spec,
                  const KltTables& tables, const std::vector<std::byte>& coded,
                  std::uint32_t images) {
  StageRunner runner(context, model, range, static_cast<int>(images),
                     [spec](std::uint32_t) { return spec; }, {&tables, &tables});
  std::vector<std::byte> out;
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) {
      if (runner.pending() == runner.depth()) runner.collect(out);
      runner.submit(coded, images);
    }
    while (runner.pending() > 0) runner.collect(out);
  };
  run(20);
  std::vector<double> rates;
  for (int round = 0; round < 5; ++round) {
    const int count = images > 8 ? 100 : 300;
    const auto start = Clock::now();
    run(count);
    rates.push_back(count * images / seconds_since(start));
  }
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

// Each step of klt 1 by itself, from what the one before has left.
void steps(const cuda::Queue& queue, Context& context, const KltTables& tables, ConstTensor values,
           std::byte* body, Tensor back) {
  const auto images = static_cast<std::uint32_t>(values.shape[0]);
  const KltDevice device(context, tables, images);
  const TransformCode& code = device.code(*tables.rate(klt1.bits));
  const Buffer memory(context, transform_scratch_bytes(context, code, images));
  const cuda::TransformScratch scratch =
      cuda::transform_scratch(queue, code, images, memory.data());
  const cuda::TransformCall call{code, scratch, static_cast<int>(images)};
  const auto encode = [&] {
    cuda::transform_encode_values(queue, values, code, memory.data());
    cuda::transform_encode_symbols(queue, values, code, memory.data(), body);
  };
  encode();
  const auto us = [&](const std::function<void()>& step) {
    return measure(queue, [&](int) { step(); });
  };
  std::printf("    encode %6.1f us:", us(encode));
  std::printf(" rows %.1f", us([&] { cuda::transform_rows(queue, call, values); }));
  std::printf("  product %.1f", us([&] { cuda::transform_analyse(queue, call); }));
  std::printf("  rows, dct and symbols %.1f", us([&] {
                cuda::transform_rows(queue, call, values);  // resets what this one counts
                cuda::transform_quantize(queue, call);
              }));
  std::printf("; beside ops: rans %.1f", us([&] { cuda::transform_code_streams(queue, call); }));
  std::printf("  parts %.1f\n",
              us([&] { cuda::transform_join_parts(queue, call, values.dtype, body); }));
  std::printf("    decode %6.1f us:", us([&] {
                cuda::transform_decode_symbols(queue, body, code, memory.data(), images);
                cuda::transform_decode_values(queue, body, code, memory.data(), back);
              }));
  std::printf(" beside ops: rans %.1f",
              us([&] { cuda::transform_decode_streams(queue, call, body); }));
  std::printf("; dct %.1f", us([&] { cuda::transform_planes(queue, call); }));
  std::printf("  rows %.1f", us([&] { cuda::transform_coefficient_rows(queue, call); }));
  std::printf("  product %.1f\n", us([&] { cuda::transform_synthesise(queue, call, body, back); }));
  std::printf("    %d of %d coefficients are coded, in %d streams of %d lanes\n", code.coded,
              code.tokens() * code.dim, code.streams, code.lanes);
}

void rows(const cuda::Queue& queue, Context& context, const ModelFile& model, KltTables& tables,
          std::uint32_t images) {
  const Architecture& a = model.architecture();
  const int begin = a.half_blocks() / 2 - 4;
  const StageRange range{begin, begin + 8};
  const TensorShape shape{images, static_cast<std::uint32_t>(a.tokens()),
                          static_cast<std::uint32_t>(a.dim)};
  const std::vector<float> values = test::klt_values(tables, images);
  std::vector<std::uint16_t> halves(values.size());
  floats_to_halves(values.data(), halves.data(), halves.size());
  const Buffer source(context, 2 * halves.size()), back(context, 2 * halves.size()),
      body(context, max_body_bytes(shape));
  upload(context, std::as_bytes(std::span(halves)), source.data());
  const Shape dims{images, shape.tokens, shape.dim};
  const ConstTensor stream{source.data(), DType::f16, dims};

  Coder coder(context, shape, {&tables, &tables});
  std::vector<std::byte> as_ptq, as_klt;
  coder.encode(stream, ptq8, as_ptq);
  coder.encode(stream, klt1, as_klt);

  Stage stage(context, model, range, static_cast<int>(images));
  float one = 0;
  const auto passes = [&](int count) {
    const auto start = Clock::now();
    ConstTensor result;
    for (int i = 0; i < count; ++i) result = stage.forward_residual(static_cast<int>(images));
    download(context, result.data, std::as_writable_bytes(std::span(&one, 1)));
    return 1e6 * seconds_since(start) / count;
  };
  passes(5);
  const double blocks = passes(200);
  const double ptq = throughput(context, model, range, ptq8, tables, as_ptq, images);
  const double klt = throughput(context, model, range, klt1, tables, as_klt, images);
  std::printf(
      "  [%u, %u, %u] 4 blocks %.1f us; %.0f images/s with ptq 8 (%zu bytes), %.0f with "
      "klt 1 (%zu bytes): %.1f %% less\n",
      images, shape.tokens, shape.dim, blocks, ptq, as_ptq.size(), klt, as_klt.size(),
      100 * (1 - klt / ptq));
  steps(queue, context, tables, stream, static_cast<std::byte*>(body.data()),
        {back.data(), DType::f16, dims});
}

}  // namespace

void klt_bench(const cuda::Queue& queue) {
  ContextOptions options;
  options.device = {Device::Kind::cuda, queue.device};
  options.precision = Precision::f16;
  Context context(options);
  for (const char* name : {"deit_tiny", "vit_base"}) {
    const auto holder = random_model(name);
    const ModelFile& model = *holder;
    KltTables tables =
        test::klt_tables({1, 14, 14, static_cast<std::size_t>(model.architecture().dim)});
    for (KltRate& rate : tables.rates)  // as calibration chooses them at one bit
      rate.lanes = model.architecture().dim > 400 ? 64 : 16;
    tables.prepare();
    std::printf("%s, f16, klt 1\n", name);
    for (const std::uint32_t images : {1U, 8U, 32U}) rows(queue, context, model, tables, images);
  }
}
