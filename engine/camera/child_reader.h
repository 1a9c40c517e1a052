#pragma once
// The output of another program as a byte stream; a failure is an Error with the program's own
// message.

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
  std::string name;                       // of the source, for error texts
  bool endless = false;                   // the end of the output is an Error
  std::chrono::milliseconds patience{0};  // without output for longer: Error; 0: no limit
  // Replacements in the program's messages, first by second: to hide passwords.
  std::vector<std::pair<std::string, std::string>> hide = {};
  std::string remedy = {};  // appended to every error text
};

class ChildReader final : public ByteReader {
 public:
  // Throws Error if the program cannot be started.
  ChildReader(const ChildCommand& command, ChildReaderOptions options);
  std::size_t read(std::span<std::byte> buffer) override;
  void stop() noexcept override { stop_.raise(); }

 private:
  void read_errors();
  std::size_t end();
  std::string why(const std::string& what) const;

  std::string program_;  // name without folder
  ChildReaderOptions options_;
  StopEvent stop_;
  LastLines lines_;
  bool errors_open_ = true;
  ChildProcess child_;
};

}  // namespace quantring
