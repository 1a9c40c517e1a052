#include "ops/device.h"

#include <charconv>

#include "ops/backend.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

#ifdef QUANTRING_CUDA
constexpr bool has_cuda = true;
std::string why_unusable(int index) {
  return cuda::why_unusable(index);
}
std::string gpu_name(int index) {
  return cuda::device_name(index);
}
std::uint64_t gpu_bytes_in_use(int index) {
  return cuda::bytes_in_use(index);
}
#else
constexpr bool has_cuda = false;
std::string why_unusable(int) {
  return "this build has no CUDA (build with the preset cuda or jetson)";
}
std::string gpu_name(int) {
  return "GPU";
}
std::uint64_t gpu_bytes_in_use(int) {
  return 0;
}
#endif

}  // namespace

bool built_with_cuda() {
  return has_cuda;
}

std::string device_text(Device device) {
  return device.kind == Device::Kind::cpu ? "cpu" : "cuda:" + std::to_string(device.index);
}

std::string device_name(Device device) {
  return device.kind == Device::Kind::cpu ? "CPU" : gpu_name(device.index);
}

std::uint64_t device_bytes_in_use(Device device) {
  return device.kind == Device::Kind::cpu ? 0 : gpu_bytes_in_use(device.index);
}

DeviceChoice choose_device(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "auto") {
    if (!has_cuda) return {};
    const std::string reason = why_unusable(0);
    if (reason.empty()) return {{Device::Kind::cuda, 0}, {}};
    return {{}, reason + ": using the CPU"};
  }
  Device device{Device::Kind::cuda, 0};
  bool understood = text == "cuda";
  if (text.starts_with("cuda:")) {
    const std::string_view number = text.substr(5);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), device.index);
    understood = error == std::errc() && end == number.data() + number.size() && device.index >= 0;
  }
  if (!understood) {
    throw OptionError("--device: \"" + std::string(text) + "\" is not auto, cpu, cuda or cuda:N");
  }
  const std::string reason = why_unusable(device.index);
  if (!reason.empty()) throw Error("--device " + std::string(text) + ": " + reason);
  return {device, {}};
}

}  // namespace quantring
