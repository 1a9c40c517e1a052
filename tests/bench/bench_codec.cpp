// The codecs on the CPU, one image of ViT-Base's residual stream on one thread: milliseconds of an
// encode and a decode, medians.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "engine/codec.h"

namespace {

using namespace quantring;

template <class Work>
double milliseconds(const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < 41; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main() {
  const TensorShape shape{1, 197, 768};
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(shape.elements()), back(shape.elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = normal(random) * (i % 400 == 7 ? 30.0F : 1.0F);
  CodedTensor coded;
  const auto row = [&](CodecSpec spec) {
    const double in = milliseconds([&] { encode(values, shape, spec, coded); });
    const double out = milliseconds([&] { decode(coded, back); });
    std::printf("%-10s encode %7.3f ms  decode %7.3f ms  %7zu bytes\n", codec_text(spec).c_str(),
                in, out, coded.payload.size());
  };
  row({CodecId::raw32, 32});
  row({CodecId::raw16, 16});
  for (const CodecId id : {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq})
    for (const int bits : {2, 4, 6, 8, 16}) row({id, static_cast<std::uint8_t>(bits)});
}
