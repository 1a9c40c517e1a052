#include "engine/model/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "ops/base/lower_case.h"

namespace quantring {
namespace {

using namespace std::string_view_literals;

constexpr auto raw = "take the JPEG that the camera stores beside it, or develop it"sv;
constexpr auto video = "quantring camera x.mp4 classifies the frames of a video"sv;
constexpr auto unpack = "unpack it"sv, unpack_first = "unpack it first"sv;
constexpr auto as_safetensors =
    "save its weights as safetensors from the framework that wrote it, or fetch the safetensors or "
    "PyTorch file of the same model"sv;

enum class Is { other, picture, checkpoint };

struct Signature {
  std::size_t at;  // where the file has these bytes
  std::string_view bytes, what, picture = {}, checkpoint = {};
  Is is = Is::other;
};

// The first that fits counts.
constexpr Signature signatures[] = {
    {0, "\xFF\xD8\xFF"sv, "a JPEG picture", {}, {}, Is::picture},
    {0, "\x89PNG\r\n\x1A\n"sv, "a PNG picture", {}, {}, Is::picture},
    {0, "GIF8"sv, "a GIF picture", {}, {}, Is::picture},
    {0, "BM"sv, "a BMP picture", {}, {}, Is::picture},
    {8, "WEBP"sv, "a WebP picture", {}, {}, Is::picture},
    {0, "\0\0\x08\x03"sv, "an IDX file of pictures", {}, {}, Is::picture},
    {0, "\0\0\x08\x01"sv, "an IDX file of labels", "give the file of pictures"},
    {0, "II*\0\x10\0\0\0CR"sv, "a camera's raw picture (CR2)", raw},
    {0, "II*\0"sv, "a TIFF picture", ".tif"},
    {0, "MM\0*"sv, "a TIFF picture", ".tif"},
    {0, "II+\0"sv, "a BigTIFF picture", ".tif"},
    {0, "MM\0+"sv, "a BigTIFF picture", ".tif"},
    {0, "IIRO"sv, "a camera's raw picture (ORF)", raw},
    {0, "IIU\0"sv, "a camera's raw picture (RW2)", raw},
    {0, "FUJIFILMCCD-RAW"sv, "a camera's raw picture (RAF)", raw},
    {0, "\xFF\x0A"sv, "a JPEG XL picture", "convert it with djxl x.jxl x.png"},
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, "a JPEG XL picture", "convert it with djxl x.jxl x.png"},
    {0, "\0\0\0\x0CjP  \r\n\x87\n"sv, "a JPEG 2000 picture",
     "convert it with opj_decompress -i x.jp2 -o x.png"},
    {0, "\xFF\x4F\xFF\x51"sv, "a JPEG 2000 picture",
     "convert it with opj_decompress -i x.jp2 -o x.png"},
    {0, "\xFF\xF8\xFF"sv, "a JPEG-LS picture", ".jls"},
    {0, "8BPS"sv, "a Photoshop picture (PSD)", ".psd"},
    {0, "gimp xcf"sv, "a GIMP picture (XCF)", "export it as PNG"},
    {0, "v/1\x01"sv, "an OpenEXR picture", ".exr"},
    {0, "#?RADIANCE"sv, "a Radiance HDR picture", ".hdr"},
    {0, "\0\0\x01\0"sv, "an icon (ICO)", ".ico"},
    {0, "qoif"sv, "a QOI picture", ".qoi"},
    {0, "DDS "sv, "a DDS texture", ".dds"},
    {0, "%PDF-"sv, "a PDF document", "take its pictures out of it: pdfimages -png x.pdf x"},
    {0, "%!PS"sv, "a PostScript document", ".ps"},
    {128, "DICM"sv, "a DICOM picture", "convert it with dcmj2pnm --write-png x.dcm x.png"},
    {0, "SIMPLE  ="sv, "a FITS picture", ".fits"},
    {0, "\x1A\x45\xDF\xA3"sv, "a video (Matroska or WebM)", video},
    {8, "AVI "sv, "a video (AVI)", video},
    {0, "FLV\x01"sv, "a video (FLV)", video},
    {0, "\0\0\x01\xBA"sv, "a video (MPEG)", video},
    {0, "\0\x05\x16\x07"sv, "the other half of a file of a Mac (AppleDouble), without its contents",
     "leave it out", "leave it out"},
    {0, "version https://git-lfs"sv, "only a pointer of Git LFS, not the file itself",
     "fetch it: git lfs pull",
     "run 'git lfs pull' in its folder, or download the file from the web page"},
    {0,
     "PK\x03\x04"sv,
     "a zip file (an archive, PyTorch's or NumPy's)",
     unpack,
     {},
     Is::checkpoint},
    {0, "Rar!"sv, "a RAR archive", unpack, unpack_first},
    {0, "7z\xBC\xAF\x27\x1C"sv, "a 7z archive", unpack, unpack_first},
    {0, "\x1F\x8B"sv, "a gzip file", "unpack it: gunzip x.gz", unpack_first},
    {0, "\xFD\x37zXZ"sv, "an xz file", "unpack it: unxz x.xz", unpack_first},
    {0, "\x28\xB5\x2F\xFD"sv, "a Zstandard file", "unpack it: unzstd x.zst", unpack_first},
    {257, "ustar"sv, "a tar archive", "unpack it: tar -xf x.tar",
     "unpack it and name the checkpoint inside"},
    {0, "\x80\x02"sv, "a pickle (PyTorch)", {}, {}, Is::checkpoint},
    {0, "\x80\x04"sv, "a pickle (PyTorch)", {}, {}, Is::checkpoint},
    {0, "\x93NUMPY"sv, "a single NumPy array",
     "write it as a picture: PIL.Image.fromarray(a).save(\"x.png\")",
     "save all arrays of the model together with numpy.savez"},
    {0, "\x89HDF\r\n\x1A\n"sv, "an HDF5 file (Keras, TensorFlow)", {}, as_safetensors},
    {0, "GGUF"sv, "a GGUF file (llama.cpp)", {}, "fetch the original safetensors or PyTorch file"},
    {4, "TFL3"sv, "a TensorFlow Lite model", {}, as_safetensors},
    {0, "\x7F\x45LF"sv, "a program"},
};

bool has_at(std::string_view bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at && bytes.substr(at).starts_with(text);
}

FileKind picture(std::string_view what, std::string_view remedy) {
  FileKind kind;
  kind.what = what;
  kind.picture = remedy;
  return kind;
}

// The family of MP4: a box "ftyp" with the file's brand and those that it is compatible with.
FileKind iso_media(std::string_view bytes) {
  if (!has_at(bytes, 4, "ftyp")) return {};
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  size = std::min(size, bytes.size());
  const auto is_brand = [&](std::string_view brand) {
    for (std::size_t at = 8; at + 4 <= size; at += at == 8 ? 8 : 4)  // between: a version
      if (has_at(bytes, at, brand)) return true;
    return false;
  };
  if (is_brand("avif") || is_brand("avis"))
    return picture("an AVIF picture", "convert it with avifdec x.avif x.png");
  for (const char* const brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"})
    if (is_brand(brand))
      return picture("a HEIC picture, as iPhones take them",
                     "convert it with heif-convert x.heic x.jpg");
  if (is_brand("crx ")) return picture("a camera's raw picture (CR3)", raw);
  return picture("a video (MP4 or QuickTime)", video);
}

std::string first_line(std::string_view text) {
  constexpr std::size_t shown = 40;
  std::string line(text.substr(0, text.find_first_of("\r\n")));
  if (line.size() > shown) {
    line.resize(shown);
    line += "...";
  }
  return line;
}

// Text: a page, a drawing, anything else with letters only.
FileKind text_kind(std::string_view bytes) {
  std::string text(bytes);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  // UTF-16 is text too; control characters are in no text.
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || (c >= '\t' && c <= '\r');
  });
  if (!printable) return {};
  if (text.empty()) return picture("a text file of blanks", {});
  const std::string lower = lower_case(text);
  const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  const bool html =
      lower.starts_with("<!doctype html") || has("<html") || has("<head") || has("<body");
  if (html || (lower.starts_with("<?xml") && !has("<svg"))) {
    FileKind page = picture(fmt::format("{}, perhaps of an error or a login, saved as the file",
                                        html ? "a web page (HTML)" : "an XML document"),
                            "download the picture itself");
    page.checkpoint = "fetch the file itself (its 'raw' address)";
    return page;
  }
  if (has("<svg")) return picture("an SVG drawing", "convert it with rsvg-convert x.svg -o x.png");
  if (text.size() > 2 && text[0] == 'P' && text[1] >= '1' && text[1] <= '7' &&
      std::isspace(static_cast<unsigned char>(text[2])) != 0)
    return picture(fmt::format("a PNM of the kind P{}", text[1]), ".pnm");
  FileKind kind;
  kind.may_be_checkpoint = text[0] == '{';  // an index
  kind.what = kind.may_be_checkpoint ? "a JSON file" : "a text file";
  if (std::all_of(text.begin(), text.end(), [](char c) { return c > 0; }))
    kind.what += fmt::format(" that begins with \"{}\"", first_line(text));
  return kind;
}

}  // namespace

FileKind file_kind(std::span<const std::byte> begin) {
  constexpr std::size_t looked_at = 1024;
  const std::string_view bytes(reinterpret_cast<const char*>(begin.data()),
                               std::min(begin.size(), looked_at));
  for (const Signature& known : signatures)
    if (has_at(bytes, known.at, known.bytes))
      return {std::string(known.what), known.picture, known.checkpoint, known.is == Is::picture,
              known.is == Is::checkpoint};
  if (FileKind kind = iso_media(bytes); !kind.what.empty()) return kind;
  return text_kind(bytes);
}

}  // namespace quantring
