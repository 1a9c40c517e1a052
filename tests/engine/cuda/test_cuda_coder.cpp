// Coder on a GPU: the CPU's bytes and values for every codec and width, one image and several; and
// bodies in the device's memory, as a stage's pipeline codes them.

#include <doctest/doctest.h>

#include "engine/codec/coder.h"
#include "ops/transfer.h"
#include "tests/engine/codec/coded_bytes.h"
#include "tests/engine/cuda/coding_cases.h"
#include "tests/ops/cuda/gpu.h"

namespace quantring {
namespace {

using test::Bytes;

TEST_CASE("every codec in every precision gives the host's bytes and values") {
  if (!test::have_gpu()) return;
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    Context context(test::on_gpu(precision));
    const DType dtype = context.residual_dtype();
    const TensorShape max{4, 50, 192};
    Coder coder(context, max);
    const Buffer body(context, max_body_bytes(max));
    auto* const device_body = static_cast<std::byte*>(body.data());
    for (const TensorShape shape : {max, TensorShape{1, 50, 192}, TensorShape{3, 7, 11}}) {
      const Shape dims{shape.images, shape.tokens, shape.dim};
      for (const char* kind : {"outliers", "laplace", "integers"}) {
        const auto stored = test::stored(test::values_of_kind(kind, shape.elements()), dtype);
        const auto values = test::widened(stored, dtype);
        const Buffer source(context, stored.size()), back(context, stored.size());
        upload(context, stored, source.data());
        const ConstTensor tensor{source.data(), dtype, dims};
        for (const CodecSpec spec : test::float_codecs()) {
          CAPTURE(codec_text(spec));
          CAPTURE(dtype_name(dtype));
          CAPTURE(kind);
          Bytes expected, made;
          encode(values, shape, spec, expected);
          coder.encode(tensor, spec, made);
          CHECK(made == expected);
          Bytes raw(expected.size() - coded_header_bytes);
          coder.encode_body(tensor, spec, device_body);
          download(context, device_body, raw);
          CHECK(std::equal(raw.begin(), raw.end(), expected.begin() + coded_header_bytes));

          std::vector<float> slow(values.size());
          decode(expected, shape, slow);
          const Bytes slow_stored = test::stored(slow, dtype);
          Bytes decoded(stored.size());
          coder.decode_body(device_body, spec, {back.data(), dtype, dims});
          download(context, back.data(), decoded);
          CHECK(decoded == slow_stored);
          upload(context, Bytes(stored.size()), back.data());
          CHECK(coder.decode(expected, {back.data(), dtype, dims}) == spec);
          download(context, back.data(), decoded);
          CHECK(decoded == slow_stored);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quantring
