// The codecs on the CPU, for DeiT-Tiny and ViT-Base. First, one image on one thread beside a
// stage's compute: milliseconds of an encode and a decode (medians), how much longer than ptq's the
// encode is (statistics and search), and that as a share of a stage of 4 and of 6 blocks measured
// in the same run. Then what a stage does with each micro-batch of 1 and of 8 images: microseconds
// from the residual stream to a new message, and back.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "engine/codec/coder.h"
#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "tests/support/klt_tables.h"

namespace {

using namespace quantring;

template <class Work>
double milliseconds(int repeats, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// As a residual stream has them: one value in 400 is far larger, and one larger still.
std::vector<float> some_values(TensorShape shape) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(shape.elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = normal(random) * (i % 400 == 7 ? 5.0F : 1.0F);
  values[21] = 30.0F;
  return values;
}

// One image through `blocks` blocks from the middle of the model.
double stage_milliseconds(Context& context, const ModelFile& model, int blocks,
                          const std::vector<float>& values) {
  const int begin = 2 * ((model.architecture().half_blocks() / 2 - blocks) / 2);
  Stage stage(context, model, {begin, begin + 2 * blocks}, 1);
  return milliseconds(41, [&] {
    std::memcpy(stage.residual(1).data, values.data(), values.size() * sizeof(float));
    stage.forward_residual(1);
  });
}

// With made-up tables and values of their statistics.
void klt_rows(Context& context, TensorShape shape, double four) {
  const KltTables tables = test::klt_tables({1, 14, 14, shape.dim});
  const std::vector<float> values = test::klt_values(tables, 1);
  std::vector<float> back(values.size());
  std::vector<std::byte> coded;
  Coder coder(context, shape, {&tables, &tables});
  for (const int width : klt_widths) {
    const CodecSpec spec{CodecId::klt, static_cast<std::uint8_t>(width)};
    const double in =
        milliseconds(41, [&] { coder.encode(host_tensor(values, shape), spec, coded); });
    const double out =
        milliseconds(41, [&] { coder.decode(coded, host_tensor(std::span(back), shape)); });
    std::printf(
        "  %-11s encode %7.3f ms  decode %7.3f ms  %7zu bytes  both: %5.2f %% of 4 blocks\n",
        codec_text(spec).c_str(), in, out, coded.size(), 100 * (in + out) / four);
  }
}

void table(const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("quantring-bench-" + std::to_string(::getpid()) + ".safetensors");
  write_random_model(path, named_architecture(name), StorageType::f16, 1);
  Context context(1);
  const ModelFile model(path);
  std::filesystem::remove(path);  // the mapping holds it
  const TensorShape shape{1, 197, static_cast<std::uint32_t>(model.architecture().dim)};
  const std::vector<float> values = some_values(shape);
  const double four = stage_milliseconds(context, model, 4, values);
  const double six = stage_milliseconds(context, model, 6, values);
  std::printf("%s [197, %u]: 4 blocks %.2f ms, 6 blocks %.2f ms\n", name.c_str(), shape.dim, four,
              six);

  std::vector<float> back(values.size());
  std::vector<std::byte> coded;
  Coder coder(context, shape);
  const ConstTensor stream{values.data(), DType::f32, {1, shape.tokens, shape.dim}};
  const Tensor received{back.data(), DType::f32, {1, shape.tokens, shape.dim}};
  const auto row = [&](CodecSpec spec, double ptq) {
    const double in = milliseconds(201, [&] { coder.encode(stream, spec, coded); });
    const double out = milliseconds(201, [&] { coder.decode(coded, received); });
    std::printf("  %-11s encode %7.3f ms  decode %7.3f ms  %7zu bytes", codec_text(spec).c_str(),
                in, out, coded.size());
    if (ptq > 0)
      std::printf("  search %6.3f ms: %5.2f %% of 4 blocks, %5.2f %% of 6", in - ptq,
                  100 * (in - ptq) / four, 100 * (in - ptq) / six);
    std::printf("\n");
    return in;
  };
  row({CodecId::raw32, 32}, 0);
  row({CodecId::raw16, 16}, 0);
  for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{2, 3, 4, 6, 8, 16}) {
    const double ptq = row({CodecId::ptq, bits}, 0);
    for (const CodecId id : {CodecId::aciq, CodecId::ds_aciq, CodecId::ds_aciq_plus})
      row({id, bits}, ptq);
  }
  klt_rows(context, shape, four);
}

// A message's memory is new every time: it belongs to the link until it is sent.
void micro_batches(const std::string& name, std::uint32_t dim) {
  Context context(1);
  for (const std::uint32_t images : {1u, 8u}) {
    const TensorShape shape{images, 197, dim};
    const std::vector<float> values = some_values(shape);
    std::vector<float> back(values.size());
    Coder coder(context, shape);
    const Shape dims{images, shape.tokens, dim};
    for (const CodecSpec spec : {CodecSpec{CodecId::raw32, 32}, CodecSpec{CodecId::ptq, 8},
                                 CodecSpec{CodecId::ptq, 4}, CodecSpec{CodecId::ds_aciq_plus, 4}}) {
      const double out = milliseconds(201, [&] {
        std::vector<std::byte> message;
        coder.encode({values.data(), DType::f32, dims}, spec, message);
      });
      std::vector<std::byte> message;
      coder.encode({values.data(), DType::f32, dims}, spec, message);
      const double in = milliseconds(201, [&] {
        coder.decode(message, {back.data(), DType::f32, dims});
      });
      std::printf("%s [%u, 197, %u] %-10s residual to message %8.1f us  back %8.1f us\n",
                  name.c_str(), images, dim, codec_text(spec).c_str(), 1000 * out, 1000 * in);
    }
  }
}

}  // namespace

// usage: bench_codec [--messages]: the second part alone
int main(int argc, char** argv) {
  try {
    const bool messages_only = argc > 1 && std::string(argv[1]) == "--messages";
    micro_batches("deit_tiny", 192);
    micro_batches("vit_base", 768);
    if (messages_only) return 0;
    table("deit_tiny");
    table("vit_base");
  } catch (const Error& error) {
    std::fprintf(stderr, "bench_codec: %s\n", error.what());
    return 1;
  }
}
