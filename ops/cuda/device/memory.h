#pragma once
// Device memory with an owner.

#include <cstddef>
#include <memory>

namespace quantring::cuda {

// Zeroed. Throws Error with the needed, free and total sizes if the GPU does not have enough.
void* allocate(std::size_t bytes);
void release(void* memory) noexcept;

struct Release {
  void operator()(void* memory) const { release(memory); }
};

template <class T = std::byte>
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t count)
      : data_(static_cast<T*>(allocate(count * sizeof(T)))), count_(count) {}
  T* get() const { return data_.get(); }
  std::size_t count() const { return count_; }

 private:
  std::unique_ptr<T, Release> data_;
  std::size_t count_ = 0;
};

}  // namespace quantring::cuda
