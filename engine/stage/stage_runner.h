#pragma once
// A stage between its codecs: coded tensors in, coded tensors out (engine/codec/codec.h). On a GPU
// several micro-batches are in flight: one is copied in while another is computed and a third is
// copied out.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/codec/coder.h"
#include "engine/model/model_file.h"
#include "engine/stage/stage.h"
#include "ops/context.h"
#include "ops/transfer.h"

namespace quantring {

class StageRunner {
 public:
  // How a micro-batch of so many images is coded. Called once for each, when it is coded: on the
  // CPU in collect(), where the result waits uncoded until it can be sent; on a GPU in submit(),
  // which enqueues the coding.
  using ChooseCodec = std::function<CodecSpec(std::uint32_t images)>;

  // Loads the stage as Stage does. context and model must outlive this object. choose: not asked in
  // the last stage, whose logits are raw32 [images, 1, classes]. Throws Error.
  // tables: for the cuts at which the range begins and ends; must outlive this object.
  StageRunner(Context& context, const ModelFile& model, StageRange range, int max_images,
              ChooseCodec choose = {}, CoderTables tables = {});

  const Stage& stage() const { return stage_; }

  // How many micro-batches may be submitted and not yet collected: 1 on the CPU, where submit
  // computes at once, more on a GPU, where it only enqueues.
  int depth() const { return static_cast<int>(slots_.size()); }
  int pending() const { return pending_; }

  // coded: of the first stage, pixels [images, channels, height * width], packed, as JPEGs or as
  // they are; of others, the residual stream [images, tokens, dim] in any other codec. Aligned to 4
  // bytes, as a vector is; not needed after the call. Throws Error for what is not that, and for
  // too many images; then nothing was submitted.
  void submit(std::span<const std::byte> coded, std::uint32_t images);

  // The oldest submitted result, waiting for it. Replaces what is in `coded`, using its memory
  // again; returns the result's shape.
  TensorShape collect(std::vector<std::byte>& coded);

 private:
  // One micro-batch in flight. The buffers hold bodies of coded tensors: a GPU's only.
  struct Slot {
    PinnedBuffer host_in, host_out;
    Buffer device_in, device_out;
    Event arrived;
    ConstTensor result;
    CodecSpec received;
    CodecSpec spec;  // a GPU's
  };

  void check_images(std::uint32_t images) const;
  CodecSpec check_input(std::span<const std::byte> coded, std::uint32_t images) const;
  const std::byte* input_body(std::span<const std::byte> body, Slot& slot);
  CodecSpec output_codec(const Slot& slot, std::uint32_t images) const;
  void enqueue_output(Slot& slot, std::uint32_t images);
  std::byte* device_in(const Slot& slot) const;
  std::byte* device_out(const Slot& slot) const;

  Context& context_;
  Architecture architecture_;
  ChooseCodec choose_;
  Stage stage_;
  Coder coder_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;  // slot of the next submit
  int pending_ = 0;
};

// What a stage takes: pixels for the first, the residual stream for others.
TensorShape input_shape(const Stage& stage, const Architecture& architecture, std::uint32_t images);

}  // namespace quantring
