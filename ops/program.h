#pragma once
// A sequence of ops that is run again and again over the same memory, as a stage's forward pass is
// for one batch size. A GPU records it (a CUDA graph) and replays it with one call.

#include <functional>
#include <memory>

#include "ops/context.h"

namespace quantring {

class RecordedProgram;  // ops/backend.h

class Program {
 public:
  Program();
  ~Program();
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;

  // Does what `body` does. Body must call the same ops on the same memory every time, and nothing
  // that copies or waits: it may be called now, or its recording from an earlier call replayed. The
  // first call may take long, since ops choose their fastest kernels then.
  void run(Context& context, const std::function<void()>& body);

 private:
  std::unique_ptr<RecordedProgram> recorded_;
};

}  // namespace quantring
