// The codecs on the CPU, one image on one thread, and what they cost beside a stage's compute: for
// DeiT-Tiny and ViT-Base, milliseconds of an encode and a decode (medians), how much longer than
// ptq's the encode is (statistics and search), and that as a share of a stage of 4 and of 6 blocks
// measured in the same run.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/model/random_model.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"

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
  CodedTensor coded;
  const auto encode_time = [&](CodecSpec spec) {
    return milliseconds(201, [&] { encode(values, shape, spec, coded); });
  };
  const auto row = [&](CodecSpec spec, double ptq) {
    const double in = encode_time(spec);
    const double out = milliseconds(201, [&] { decode(coded, back); });
    std::printf("  %-11s encode %7.3f ms  decode %7.3f ms  %7zu bytes", codec_text(spec).c_str(),
                in, out, coded.payload.size());
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
}

}  // namespace

int main() {
  try {
    table("deit_tiny");
    table("vit_base");
  } catch (const Error& error) {
    std::fprintf(stderr, "bench_codec: %s\n", error.what());
    return 1;
  }
}
