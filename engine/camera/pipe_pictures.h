#pragma once
// Pictures out of a pipe: `cat photo.jpg | quantring classify -`.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/camera/byte_reader.h"
#include "engine/camera/picture_splitter.h"
#include "engine/image/image_source.h"

namespace quantring {

// Whether the source is to be read as a pipe: "-", a named pipe, a shell's <(...).
bool is_pipe(const std::string& spec);
// Throws Error if it cannot be opened; OptionError for a "-" that is a terminal.
std::unique_ptr<ByteReader> open_pipe(const std::string& spec);

// Pictures as they arrive, as the bytes of their files (PictureSplitter), or those of an IDX file
// as pixels. They are named NAME#0, NAME#1.
class PipePictures final : public ImageSource {
 public:
  // channels: of the pictures of an IDX file.
  PipePictures(std::unique_ptr<ByteReader> reader, std::string name, int channels);
  bool next(SourceItem& item) override;
  std::optional<std::size_t> size() const override { return std::nullopt; }
  PassedOver passed_over() const override;  // at the end
  // From any thread: a blocked next() and every later one return false.
  void stop() noexcept;

 private:
  bool read();

  std::unique_ptr<ByteReader> reader_;
  std::string name_;
  int channels_;
  PictureSplitter splitter_;
  std::vector<std::byte> buffer_;
  std::size_t given_ = 0, broken_ = 0;
  bool ended_ = false, empty_ = true;
  std::atomic<bool> stopped_ = false;
  std::unique_ptr<ImageSource> idx_;
};

}  // namespace quantring
