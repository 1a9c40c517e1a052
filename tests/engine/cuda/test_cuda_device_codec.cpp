// DeviceCodec on a GPU, as a stage uses it: the host's bytes and values for every codec.

#include <doctest/doctest.h>

#include "engine/codec/device_codec.h"
#include "ops/transfer.h"
#include "tests/engine/cuda/coding_cases.h"
#include "tests/ops/cuda/gpu.h"

namespace quantring {
namespace {

std::vector<CodecSpec> float_codecs() {
  std::vector<CodecSpec> specs{{CodecId::raw32, 32}, {CodecId::raw16, 16}};
  for (const CodecId id : {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq, CodecId::ds_aciq_plus})
    for (const int bits : {2, 3, 4, 5, 6, 7, 8, 16})
      specs.push_back({id, static_cast<std::uint8_t>(bits)});
  return specs;
}

TEST_CASE("every codec in every precision gives the host's bytes and values") {
  if (!test::have_gpu()) return;
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    Context context(test::on_gpu(precision));
    const DType dtype = context.residual_dtype();
    const TensorShape largest{4, 50, 192};
    DeviceCodec codec(context, largest);
    for (const TensorShape shape : {largest, TensorShape{1, 50, 192}, TensorShape{3, 7, 11}}) {
      const Shape dims{shape.images, shape.tokens, shape.dim};
      for (const char* kind : {"outliers", "laplace", "integers"}) {
        const auto bytes = test::stored(test::values_of_kind(kind, shape.elements()), dtype);
        const auto values = test::widened(bytes, dtype);
        const Buffer source(context, bytes.size()), back(context, bytes.size());
        upload(context, bytes, source.data());
        for (const CodecSpec spec : float_codecs()) {
          CAPTURE(codec_text(spec));
          CAPTURE(dtype_name(dtype));
          CAPTURE(kind);
          CodedTensor expected, made;
          encode(values, shape, spec, expected);
          std::vector<std::byte> form(device_form_bytes(spec, shape));
          const Buffer coded(context, form.size());
          codec.encode({source.data(), dtype, dims}, shape, spec, coded.data());
          download(context, coded.data(), form);
          from_device_form(form, spec, shape, made);
          CHECK(made.payload == expected.payload);
          CHECK(made.scale == expected.scale);
          CHECK(made.offset == expected.offset);

          codec.decode(coded.data(), shape, spec, {back.data(), dtype, dims});
          std::vector<std::byte> decoded(bytes.size());
          download(context, back.data(), decoded);
          std::vector<float> slow(values.size());
          decode(expected, slow);
          CHECK(decoded == test::stored(slow, dtype));
        }
      }
    }
  }
}

}  // namespace
}  // namespace quantring
