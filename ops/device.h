#pragma once
// Which device ops run on, as a person names it.

#include <cstdint>
#include <string>
#include <string_view>

namespace quantring {

struct Device {
  enum class Kind : std::uint8_t { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;  // of the GPU
  bool operator==(const Device&) const = default;
};

std::string device_text(Device device);  // "cpu", "cuda:0"
std::string device_name(Device device);  // "NVIDIA H100 80GB HBM3"; "CPU"

// Of a GPU's own memory, by every program that uses it; 0 on the CPU.
std::uint64_t device_bytes_in_use(Device device);

// A device that was asked for, and what to tell the person about it.
struct DeviceChoice {
  Device device;
  std::string note;  // one line without newline, or empty: "no CUDA driver here, using the CPU"
};

// "auto", "cpu", "cuda" (the first GPU) or "cuda:N". auto takes the first GPU where this build has
// CUDA and a GPU works, else the CPU, and says why. Throws Error for other text, and for a GPU that
// was asked for and cannot be used.
DeviceChoice choose_device(std::string_view text);

}  // namespace quantring
