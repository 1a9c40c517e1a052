#pragma once
// Takes values from the fuzzer's bytes; zeros when they are used up.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace quantring::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  template <typename T>
  T take() {
    T value{};
    const std::size_t given = std::min(sizeof value, size_);
    if (given > 0) std::memcpy(&value, data_, given);
    data_ += given;
    size_ -= given;
    return value;
  }
  std::uint8_t byte() { return take<std::uint8_t>(); }
  template <typename T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[byte() % choices.size()];
  }
  bool empty() const { return size_ == 0; }
  std::vector<std::byte> rest() const {
    const auto* bytes = reinterpret_cast<const std::byte*>(data_);
    return {bytes, bytes + size_};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace quantring::fuzz
