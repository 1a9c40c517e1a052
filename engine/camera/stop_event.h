#pragma once
// Wakes a thread that waits in poll().

namespace quantring {

class StopEvent {
 public:
  StopEvent();  // throws Error when there is no descriptor left
  ~StopEvent();
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;

  void raise() noexcept;  // for good
  bool raised() const noexcept;
  int descriptor() const { return descriptor_; }  // readable once raised

 private:
  int descriptor_;
};

}  // namespace quantring
