#pragma once
// klt: a calibrated transform, one step for all coefficients and entropy coding, for an average of
// 3 to 0.5 bits per element. Needs tables for the cut.
//
// Body: the length of each image's part u32, then the parts. The highest bit of the length: the
// part is what ptq 8 makes of the image (scale f32, offset f32, codes), for values that are not
// finite and for images that would take more than that. Otherwise streams
// (engine/codec/klt/coefficients.h).

#include <memory>

#include "engine/codec/codec.h"
#include "engine/codec/klt/klt_tables.h"

namespace quantring {

class KltDevice;  // engine/codec/klt/klt_device.h

// How a stage that received its stream as `received` codes it when it is to send `chosen`: marked
// as chained where klt has an operating point of its own for that.
CodecSpec klt_after(CodecSpec received, CodecSpec chosen);

class KltCodec final : public Codec {
 public:
  // tables: of the cut; null: sizes and checks only.
  explicit KltCodec(const KltTables* tables = nullptr);
  // On the context's device, up to so many images. context must outlive this object.
  KltCodec(const KltTables* tables, Context& context, std::uint32_t images);
  ~KltCodec() override;

  bool has_width(int width) const override { return klt_has_width(width); }
  std::string widths_text() const override { return "3, 2, 1.5, 1, 0.75 or 0.5"; }
  double width_bits(int width) const override { return 0.25 * (width % klt_chained); }
  std::uint64_t max_body_bytes(int width, TensorShape shape) const override;
  std::uint64_t body_bytes(int width, TensorShape shape, const std::byte* body) const override;
  double expected_bits(int width, TensorShape shape) const override;
  // Throw Error without tables of this shape and width.
  void encode(Context& context, ConstTensor values, int width, void* scratch,
              std::byte* body) const override;
  void decode(Context& context, const std::byte* body, int width, Tensor values) const override;
  void check_body(std::span<const std::byte> body, int width, TensorShape shape) const override;

 private:
  const KltRate& rate(int width, TensorShape shape) const;
  const KltTables* tables_;
  std::unique_ptr<KltDevice> device_;  // a GPU's
};

}  // namespace quantring
