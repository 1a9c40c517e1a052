#include "engine/stage/stage_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "engine/codec/jpeg_pixels.h"
#include "engine/codec/packed_pixels.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr CodecSpec raw32{CodecId::raw32, 32};

// One micro-batch copied in, one computed, one copied out.
constexpr std::size_t gpu_slots = 3;

TensorShape pixels_shape(const Architecture& a, std::uint32_t images) {
  return {images, static_cast<std::uint32_t>(a.channels),
          static_cast<std::uint32_t>(a.image_height * a.image_width)};
}

TensorShape residual_shape(const Architecture& a, std::uint32_t images) {
  return {images, static_cast<std::uint32_t>(a.tokens()), static_cast<std::uint32_t>(a.dim)};
}

TensorShape logits_shape(const Architecture& a, std::uint32_t images) {
  return {images, 1, static_cast<std::uint32_t>(a.classes)};
}

// The largest tensor per image that leaves the stage.
TensorShape max_output(const Architecture& a, bool last, std::uint32_t images) {
  return last ? logits_shape(a, images) : residual_shape(a, images);
}

}  // namespace

TensorShape input_shape(const Stage& stage, const Architecture& architecture,
                        std::uint32_t images) {
  return stage.first() ? pixels_shape(architecture, images) : residual_shape(architecture, images);
}

StageRunner::StageRunner(Context& context, const ModelFile& model, StageRange range, int max_images,
                         ChooseCodec choose, CoderTables tables)
    : context_(context),
      architecture_(model.architecture()),
      choose_(std::move(choose)),
      stage_(context, model, range, max_images),
      coder_(context,
             max_output(architecture_, stage_.last(), static_cast<std::uint32_t>(max_images)),
             tables),
      slots_(context.asynchronous() ? gpu_slots : 1) {
  if (!context_.asynchronous()) return;
  const auto images = static_cast<std::uint32_t>(max_images);
  const std::size_t in = max_body_bytes(input_shape(stage_, architecture_, images));
  const std::size_t out = max_body_bytes(max_output(architecture_, stage_.last(), images));
  for (Slot& slot : slots_) {
    slot.host_in = PinnedBuffer(context_, in);
    slot.host_out = PinnedBuffer(context_, out);
    slot.arrived = Event(context_);
    if (context_.shares_host_memory()) continue;
    slot.device_in = Buffer(context_, in);
    slot.device_out = Buffer(context_, out);
  }
}

void StageRunner::check_images(std::uint32_t images) const {
  if (images < 1 || images > static_cast<std::uint32_t>(stage_.max_images()))
    throw Error(fmt::format("a frame holds {} images, the plan allows 1 to {}", images,
                            stage_.max_images()));
}

CodecSpec StageRunner::check_input(std::span<const std::byte> coded, std::uint32_t images) const {
  const Architecture& a = architecture_;
  const bool pixels = read_coded_header(coded).id == CodecId::pixels;
  if (pixels != stage_.first()) {
    throw Error(
        pixels ? fmt::format("this stage takes frames of {}x{} values an image, this frame has "
                             "pixels: the ring's order of stages is wrong",
                             a.tokens(), a.dim)
               : fmt::format("stage 0 takes frames of {}x{}x{} pixels, this frame has none: the "
                             "ring's order of stages is wrong",
                             a.channels, a.image_height, a.image_width));
  }
  return check_coded(coded, input_shape(stage_, a, images));
}

void StageRunner::submit(std::span<const std::byte> coded, std::uint32_t images) {
  if (pending_ == depth()) throw std::logic_error("StageRunner::submit: nothing was collected");
  check_images(images);
  std::vector<std::byte> unpacked;
  if (stage_.first() && (is_packed_pixels(coded) || is_jpeg_pixels(coded))) {
    const auto size = [](int side) { return static_cast<std::size_t>(side); };
    const PixelShape shape{images, size(architecture_.channels), size(architecture_.image_height),
                           size(architecture_.image_width)};
    unpacked =
        is_packed_pixels(coded) ? unpacked_pixels(coded, shape) : decoded_jpeg_pixels(coded, shape);
    coded = unpacked;
  }
  const CodecSpec spec = check_input(coded, images);
  Slot& slot = slots_[next_];
  slot.received = spec;
  const std::byte* const body = input_body(coded.subspan(coded_header_bytes), slot);
  const int count = static_cast<int>(images);
  const Architecture& a = architecture_;
  if (stage_.first()) {
    slot.result = stage_.forward_pixels(
        {body, DType::u8, {count, a.channels, a.image_height, a.image_width}});
  } else {
    coder_.decode_body(body, spec, stage_.residual(count));
    slot.result = stage_.forward_residual(count);
  }
  if (context_.asynchronous()) enqueue_output(slot, images);
  next_ = (next_ + 1) % slots_.size();
  ++pending_;
}

// The CPU reads the message itself.
const std::byte* StageRunner::input_body(std::span<const std::byte> body, Slot& slot) {
  if (!context_.asynchronous()) return body.data();
  std::memcpy(slot.host_in.data(), body.data(), body.size());
  copy_in(context_, slot.host_in, body.size(), device_in(slot));
  return device_in(slot);
}

CodecSpec StageRunner::output_codec(const Slot& slot, std::uint32_t images) const {
  return stage_.last() ? raw32 : klt_after(slot.received, choose_(images));
}

void StageRunner::enqueue_output(Slot& slot, std::uint32_t images) {
  slot.spec = output_codec(slot, images);
  const std::size_t body =
      max_bytes(slot.spec, tensor_shape(slot.result.shape)) - coded_header_bytes;
  coder_.encode_body(slot.result, slot.spec, device_out(slot));
  copy_out(context_, device_out(slot), body, slot.host_out, slot.arrived);
}

TensorShape StageRunner::collect(std::vector<std::byte>& coded) {
  if (pending_ == 0) throw std::logic_error("StageRunner::collect: nothing was submitted");
  const std::size_t oldest =
      (next_ + slots_.size() - static_cast<std::size_t>(pending_)) % slots_.size();
  const Slot& slot = slots_[oldest];
  --pending_;
  const TensorShape shape = tensor_shape(slot.result.shape);
  if (context_.asynchronous()) {
    slot.arrived.wait();
    const std::byte* const body = slot.host_out.data();
    const std::size_t bytes = find_codec(slot.spec.id)->body_bytes(slot.spec.bits, shape, body);
    coded.resize(coded_header_bytes + bytes);
    write_coded_header(slot.spec, std::span(coded).first<coded_header_bytes>());
    std::memcpy(coded.data() + coded_header_bytes, body, bytes);
  } else {
    coder_.encode(slot.result, output_codec(slot, shape.images), coded);
  }
  return shape;
}

// Where the device works on host memory, nothing is copied.
std::byte* StageRunner::device_in(const Slot& slot) const {
  return context_.shares_host_memory() ? slot.host_in.data()
                                       : static_cast<std::byte*>(slot.device_in.data());
}

std::byte* StageRunner::device_out(const Slot& slot) const {
  return context_.shares_host_memory() ? slot.host_out.data()
                                       : static_cast<std::byte*>(slot.device_out.data());
}

}  // namespace quantring
