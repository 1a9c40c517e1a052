#pragma once
// Reads a pipe, a file or standard input; a blocked read can be stopped.

#include <chrono>
#include <memory>
#include <string>

#include "engine/camera/byte_reader.h"
#include "engine/camera/stop_event.h"

namespace quantring {

class DescriptorReader final : public ByteReader {
 public:
  enum class Owned { no, yes };
  // name: for error texts. Owned::yes: the destructor closes it. patience: without data for longer:
  // Error; 0: no limit.
  DescriptorReader(int descriptor, Owned owned, std::string name,
                   std::chrono::milliseconds patience = {});
  ~DescriptorReader() override;
  DescriptorReader(const DescriptorReader&) = delete;
  DescriptorReader& operator=(const DescriptorReader&) = delete;

  std::size_t read(std::span<std::byte> buffer) override;
  void stop() noexcept override { stop_.raise(); }

 private:
  int descriptor_;
  Owned owned_;
  std::string name_;
  std::chrono::milliseconds patience_;
  StopEvent stop_;
};

// Throws Error naming the file if it cannot be opened.
std::unique_ptr<ByteReader> open_file_reader(const std::string& path);

}  // namespace quantring
