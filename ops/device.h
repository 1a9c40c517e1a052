#pragma once
// The device that ops run on, and its names for users.

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

// GPU memory in use by all processes; 0 on the CPU.
std::uint64_t device_bytes_in_use(Device device);

bool built_with_cuda();

// The chosen device, and a note for the user.
struct DeviceChoice {
  Device device;
  std::string note;  // one line without newline, or empty: "no CUDA driver here, using the CPU"
};

// "auto", "cpu", "cuda" (the first GPU) or "cuda:N". auto chooses the first GPU if this build has
// CUDA and the GPU works, else the CPU with the reason in the note. Throws Error for other text,
// and for a named GPU that cannot be used.
DeviceChoice choose_device(std::string_view text);

}  // namespace quantring
