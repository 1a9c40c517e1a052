#pragma once
// Opens sources and reads numbered pictures from them.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "apps/camera/source/open_camera.h"
#include "engine/image/image.h"
#include "tests/support/jpeg.h"

namespace quantring::test {

using apps::CameraOptions;
using apps::open_camera;

inline std::unique_ptr<FrameSource> open(const std::string& uri, const std::string& labels = "") {
  CameraOptions options;
  options.uri = uri;
  options.labels_file = labels;
  return open_camera(options);
}

inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 4000 && !condition(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return condition();
}

inline std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline int number_of(const Frame& frame) {
  const Image image = decode_image(frame.file, 1, frame.name);
  return read_number(image.pixels.data(), image.width, image.height, 1);
}

// The numbers of all remaining pictures.
inline std::vector<int> numbers(FrameSource& source) {
  std::vector<int> all;
  Frame frame;
  while (source.next(frame)) all.push_back(number_of(frame));
  return all;
}

inline std::vector<int> count_to(int end) {
  std::vector<int> all;
  for (int i = 0; i < end; ++i) all.push_back(i);
  return all;
}

}  // namespace quantring::test
