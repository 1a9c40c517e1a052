#pragma once
// A stage between its codecs: coded tensors in, coded tensors out. On a GPU several micro-batches
// are under way at once: one is copied in while another is computed and a third is copied out.

#include <cstdint>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/device_codec.h"
#include "engine/model/model_file.h"
#include "engine/stage/stage.h"
#include "ops/context.h"
#include "ops/transfer.h"

namespace quantring {

class StageRunner {
 public:
  // Loads the stage as Stage does. context and model must outlive this object. Throws Error.
  StageRunner(Context& context, const ModelFile& model, StageRange range, int max_images);

  const Stage& stage() const { return stage_; }

  // How many micro-batches may be submitted and not yet collected: 1 on the CPU, where submit
  // computes at once, more on a GPU, where it only enqueues.
  int depth() const { return static_cast<int>(slots_.size()); }
  int pending() const { return pending_; }

  // First stage: pixels [images, channels, height * width]; others: the residual stream in any
  // codec. output: how the result is coded; the last stage's logits are always raw32 [images, 1,
  // classes]. Throws Error for what is not that, or too many images.
  void submit(const CodedTensor& in, CodecSpec output);

  // The oldest submitted result, waiting for it; its memory in `out` is used again.
  void collect(CodedTensor& out);

 private:
  // One micro-batch under way.
  struct Slot {
    PinnedBuffer host_in, host_out;
    Buffer device_in, device_out;
    Event arrived;
    CodecSpec spec;
    TensorShape shape;
  };

  void* input_memory(const Slot& slot) const;
  void* output_memory(const Slot& slot) const;

  Context& context_;
  Architecture architecture_;
  Stage stage_;
  DeviceCodec codec_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;  // slot of the next submit
  int pending_ = 0;
};

}  // namespace quantring
