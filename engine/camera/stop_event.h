#pragma once
// Wakes a thread that is blocked in poll().

namespace quantring {

class StopEvent {
 public:
  StopEvent();  // throws Error if no descriptor is available
  ~StopEvent();
  StopEvent(const StopEvent&) = delete;
  StopEvent& operator=(const StopEvent&) = delete;

  void raise() noexcept;  // cannot be reset
  bool raised() const noexcept;
  int descriptor() const { return descriptor_; }  // readable once raised

 private:
  int descriptor_;
};

}  // namespace quantring
