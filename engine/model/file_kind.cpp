#include "engine/model/file_kind.h"

#include <algorithm>
#include <string>

namespace quantring {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::size_t at;
  std::string_view bytes;
  FileKind kind;
};

constexpr Signature signatures[] = {
    {0, "PK\x03\x04"sv, {"a PyTorch, NumPy or other zip file", true}},
    {0, "\x80\x02"sv, {"a pickle (PyTorch)", true}},
    {0, "\x80\x04"sv, {"a pickle (PyTorch)", true}},
    {0, "\x89HDF\r\n\x1a\n"sv, {"an HDF5 file (Keras, TensorFlow)"}},
    {0, "GGUF"sv, {"a GGUF file (llama.cpp)"}},
    {4, "TFL3"sv, {"a TensorFlow Lite model"}},
    {0, "\x93NUMPY"sv, {"a single NumPy array"}},
    {0, "version https://git-lfs"sv, {"only a Git LFS pointer (run 'git lfs pull')"}},
    {0, "\xff\xd8\xff"sv, {"a JPEG picture"}},
    {0, "\x89PNG\r\n\x1a\n"sv, {"a PNG picture"}},
    {0, "GIF8"sv, {"a GIF picture"}},
    {0, "BM"sv, {"a BMP picture"}},
    {0, "II*\0"sv, {"a TIFF picture"}},
    {0, "MM\0*"sv, {"a TIFF picture"}},
    {8, "WEBP"sv, {"a WebP picture"}},
    {4, "ftyp"sv, {"a video, or an HEIC or AVIF picture"}},
    {0, "\0\0\x08\x03"sv, {"an IDX file of pictures"}},
    {0, "\0\0\x08\x01"sv, {"an IDX file of labels"}},
    {0, "\x1f\x8b"sv, {"a gzip file"}},
    {0, "\x28\xb5\x2f\xfd"sv, {"a Zstandard file"}},
    {0, "\xfd\x37zXZ"sv, {"an xz file"}},
    {257, "ustar"sv, {"a tar archive"}},
    {0, "%PDF"sv, {"a PDF file"}},
    {0, "\x7f\x45LF"sv, {"a program"}},
};

}  // namespace

FileKind file_kind(std::span<const std::byte> begin) {
  const std::string_view bytes(reinterpret_cast<const char*>(begin.data()), begin.size());
  for (const Signature& known : signatures)
    if (bytes.size() > known.at && bytes.substr(known.at).starts_with(known.bytes))
      return known.kind;
  const std::size_t at = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (at == std::string_view::npos) return {"an empty text file"};
  std::string word(bytes.substr(at, 9));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (word.starts_with("<!doctype") || word.starts_with("<html"))
    return {"a web page (the download failed)"};
  if (word.starts_with("{")) return {"a JSON file", true};
  const bool text = std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
  return text ? FileKind{"a text file"} : FileKind{};
}

}  // namespace quantring
