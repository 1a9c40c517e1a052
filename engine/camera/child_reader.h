#pragma once
// What another program writes, as a stream that says why it broke.

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/camera/byte_reader.h"
#include "engine/camera/child_process.h"
#include "engine/camera/stop_event.h"

namespace quantring {

struct ChildCommand {
  std::vector<std::string> arguments;  // [0]: the path of the program
  ChildProcess::Output output = ChildProcess::Output::standard;
};

struct ChildReaderOptions {
  std::string name;                       // of the source, in error texts
  bool endless = false;                   // its end is an Error too
  std::chrono::milliseconds patience{0};  // a longer silence is an Error; 0: none is
  // In what the program says of itself the first is replaced by the second: passwords.
  std::vector<std::pair<std::string, std::string>> hide = {};
  std::string remedy = {};  // ends every error text
};

// A program that fails: Error with the line that it wrote about it.
class ChildReader final : public ByteReader {
 public:
  // Throws Error when it cannot be started.
  ChildReader(const ChildCommand& command, ChildReaderOptions options);
  std::size_t read(std::span<std::byte> room) override;
  void stop() noexcept override { stop_.raise(); }

 private:
  void read_errors();
  std::size_t end();
  std::string why(const std::string& what) const;

  std::string program_;  // without its folder
  ChildReaderOptions options_;
  StopEvent stop_;
  LastLines lines_;
  bool errors_open_ = true;
  ChildProcess child_;
};

}  // namespace quantring
