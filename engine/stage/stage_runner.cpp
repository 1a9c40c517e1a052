#include "engine/stage/stage_runner.h"

#include <fmt/format.h>

#include <stdexcept>

#include "ops/base/error.h"

namespace quantring {
namespace {

// One micro-batch copied in, one computed, one copied out.
constexpr int gpu_slots = 3;

TensorShape pixels_shape(const Architecture& a, std::uint32_t images) {
  return {images, static_cast<std::uint32_t>(a.channels),
          static_cast<std::uint32_t>(a.image_height * a.image_width)};
}

TensorShape residual_shape(const Architecture& a, std::uint32_t images) {
  return {images, static_cast<std::uint32_t>(a.tokens()), static_cast<std::uint32_t>(a.dim)};
}

// No codec makes more of a tensor than its f32 values with a range for every image.
std::size_t most_bytes(TensorShape shape) {
  return shape.elements() * sizeof(float) + shape.images * 2 * sizeof(float);
}

}  // namespace

StageRunner::StageRunner(Context& context, const ModelFile& model, StageRange range, int max_images)
    : context_(context),
      architecture_(model.architecture()),
      stage_(context, model, range, max_images),
      codec_(context, residual_shape(architecture_, static_cast<std::uint32_t>(max_images))),
      slots_(context.asynchronous() ? gpu_slots : 1) {
  const auto images = static_cast<std::uint32_t>(max_images);
  const TensorShape stream = residual_shape(architecture_, images);
  const std::size_t in =
      stage_.first() ? pixels_shape(architecture_, images).elements() : most_bytes(stream);
  const std::size_t out =
      stage_.last() ? images * static_cast<std::size_t>(architecture_.classes) * sizeof(float)
                    : most_bytes(stream);
  for (Slot& slot : slots_) {
    slot.host_in = PinnedBuffer(context_, in);
    slot.host_out = PinnedBuffer(context_, out);
    slot.arrived = Event(context_);
    if (context_.shares_host_memory()) continue;
    slot.device_in = Buffer(context_, in);
    slot.device_out = Buffer(context_, out);
  }
}

void StageRunner::submit(const CodedTensor& in, CodecSpec output) {
  if (pending_ == depth()) throw std::logic_error("StageRunner::submit: nothing was collected");
  const Architecture& a = architecture_;
  const std::uint32_t images = in.shape.images;
  if (images < 1 || images > static_cast<std::uint32_t>(stage_.max_images())) {
    throw Error(fmt::format("a frame holds {} images, the plan said at most {}", images,
                            stage_.max_images()));
  }
  Slot& slot = slots_[next_];
  const bool pixels = stage_.first();
  if (pixels && (in.spec != CodecSpec{CodecId::pixels, 8} || in.shape != pixels_shape(a, images) ||
                 in.payload.size() != in.shape.elements())) {
    throw Error(fmt::format("stage 0 takes frames of {}x{}x{} pixels, this frame is something else",
                            a.channels, a.image_height, a.image_width));
  }
  if (!pixels && (in.spec.id == CodecId::pixels || in.shape != residual_shape(a, images))) {
    throw Error(
        fmt::format("this stage takes frames of {}x{} values an image, this frame is "
                    "something else",
                    a.tokens(), a.dim));
  }
  const std::size_t bytes = device_form_bytes(in.spec, in.shape);
  to_device_form(in, {slot.host_in.data(), bytes});
  void* const device_in = input_memory(slot);
  copy_in(context_, slot.host_in, bytes, device_in);

  const int count = static_cast<int>(images);
  ConstTensor result;
  if (pixels) {
    result = stage_.forward_pixels(
        {device_in, DType::u8, {count, a.channels, a.image_height, a.image_width}});
  } else {
    codec_.decode(device_in, in.shape, in.spec, stage_.residual(count));
    result = stage_.forward_residual(count);
  }
  slot.spec = stage_.last() ? CodecSpec{CodecId::raw32, 32} : output;
  slot.shape = stage_.last() ? TensorShape{images, 1, static_cast<std::uint32_t>(a.classes)}
                             : residual_shape(a, images);
  void* const device_out = output_memory(slot);
  codec_.encode(result, slot.shape, slot.spec, device_out);
  copy_out(context_, device_out, device_form_bytes(slot.spec, slot.shape), slot.host_out,
           slot.arrived);
  next_ = (next_ + 1) % slots_.size();
  ++pending_;
}

void StageRunner::collect(CodedTensor& out) {
  if (pending_ == 0) throw std::logic_error("StageRunner::collect: nothing was submitted");
  const std::size_t oldest =
      (next_ + slots_.size() - static_cast<std::size_t>(pending_)) % slots_.size();
  const Slot& slot = slots_[oldest];
  slot.arrived.wait();
  --pending_;
  from_device_form({slot.host_out.data(), device_form_bytes(slot.spec, slot.shape)}, slot.spec,
                   slot.shape, out);
}

// Where the device works on host memory anyway, nothing is copied.
void* StageRunner::input_memory(const Slot& slot) const {
  return context_.shares_host_memory() ? slot.host_in.data() : slot.device_in.data();
}

void* StageRunner::output_memory(const Slot& slot) const {
  return context_.shares_host_memory() ? slot.host_out.data() : slot.device_out.data();
}

}  // namespace quantring
